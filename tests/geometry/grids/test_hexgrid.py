"""The graph of the hexagonal faces against positions, and the old one against its rule."""

import numpy as np
import pytest

from xec_geometry import (
    HEX_STEPS,
    LAYOUTS,
    GeometryError,
    face_ids,
    hex_cells,
    hex_edges,
    hex_positions,
    hex_rows,
    sensor_positions,
)

ROW = np.repeat(np.arange(len(hex_rows)), hex_rows)


def distances(edges, face="top"):
    positions = sensor_positions()[face_ids(face)]
    return np.linalg.norm(positions[edges[1]] - positions[edges[0]], axis=-1)


def as_pairs(edges):
    return {(int(s), int(t)) for s, t, d in edges.T if d != 0}


def test_rows():
    assert hex_rows == (11, 12, 11, 12, 13, 14)
    assert hex_positions().shape == (73, 2)


@pytest.mark.parametrize("face", ["top", "bottom"])
def test_nodes_stand_as_the_sensors_do(face):
    sensors, nodes = sensor_positions()[face_ids(face)], hex_positions()
    np.testing.assert_allclose(
        np.linalg.norm(sensors[:, None] - sensors[None], axis=-1),
        np.linalg.norm(nodes[:, None] - nodes[None], axis=-1),
        atol=1e-9,
    )
    np.testing.assert_allclose(nodes[:, 0], sensors[:, 2])


def test_golden_numbers_of_pairs():
    """366 true pairs; of the 358 old ones 84 stand 11.49 apart, and 92 true ones are missing."""
    physical, old = hex_edges(), hex_edges("xec-ml-wl")
    assert physical.dtype == np.int64
    assert physical.shape == (3, 366 + 73)
    assert old.shape == (3, 358 + 73)
    far = distances(old) > 8
    assert far.sum() == 84
    assert distances(old)[far] == pytest.approx(11.49, abs=0.001)
    assert len(as_pairs(physical) - as_pairs(old)) == 92
    assert len(as_pairs(old) - as_pairs(physical)) == 84


@pytest.mark.parametrize("face", ["top", "bottom"])
def test_physical_edges_are_all_the_near_pairs(face):
    positions = sensor_positions()[face_ids(face)]
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    near = {(int(s), int(t)) for s, t in np.argwhere((apart > 0) & (apart < 8))}
    assert as_pairs(hex_edges()) == near
    assert sorted(set(distances(hex_edges(), face).round(3))) == [0.0, 6.12, 7.557]


@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
def test_edges_are_unique_ordered_and_symmetric(layout):
    edges = hex_edges(layout)
    source, target, direction = edges
    keys = list(zip(source.tolist(), direction.tolist(), strict=True))
    assert keys == sorted(set(keys))
    np.testing.assert_array_equal(source[direction == 0], np.arange(73))
    np.testing.assert_array_equal(target[direction == 0], np.arange(73))
    assert np.all(source[direction != 0] != target[direction != 0])
    # The way back points the opposite way: 1 ↔ 2, 3 ↔ 6, 4 ↔ 5.
    opposite = {0: 0, 1: 2, 2: 1, 3: 6, 6: 3, 4: 5, 5: 4}
    way = {(int(s), int(t)): int(d) for s, t, d in edges.T}
    assert all(way[t, s] == opposite[d] for (s, t), d in way.items())


def test_directions_mean_the_same_displacement_everywhere():
    """The direction says where the target stands as seen from the source."""
    source, target, direction = hex_edges()
    step = (hex_positions()[target] - hex_positions()[source]).round(6)
    expected = {
        0: (0, 0),
        1: (-6.12, 0),
        2: (6.12, 0),
        3: (-3.06, -6.91),
        4: (3.06, -6.91),
        5: (-3.06, 6.91),
        6: (3.06, 6.91),
    }
    for number, displacement in expected.items():
        assert np.all(step[direction == number] == displacement)


def test_interior_nodes_have_six_neighbours():
    """As many as stand around them; rows of 11 after 12 leave no gap."""
    source, _, direction = hex_edges()
    number = np.bincount(source[direction > 0], minlength=73)
    assert number.max() == 6
    assert number[0] == 3  # its right, and both below
    assert number[15] == 6


def test_old_edges_follow_the_parity_of_the_row():
    """Written out node by node from the rule of the detector page."""
    start = np.concatenate([[0], np.cumsum(hex_rows)])
    expected = set()
    for r, length in enumerate(hex_rows):
        for c in range(length):
            even = [(r, c - 1), (r, c + 1), (r - 1, c - 1), (r - 1, c), (r + 1, c - 1), (r + 1, c)]
            odd = [(r, c - 1), (r, c + 1), (r - 1, c), (r - 1, c + 1), (r + 1, c), (r + 1, c + 1)]
            expected.add((start[r] + c, start[r] + c, 0))
            for direction, (row, column) in enumerate(odd if r % 2 else even, start=1):
                if 0 <= row < len(hex_rows) and 0 <= column < hex_rows[row]:
                    expected.add((start[r] + c, start[row] + column, direction))
    assert {tuple(edge) for edge in hex_edges("xec-ml-wl").T.tolist()} == expected


def test_both_layouts_agree_within_rows():
    """They differ only between rows, where the shift does not follow the parity."""
    within_rows = []
    for layout in ("physical", "xec-ml-wl"):
        edges = hex_edges(layout)
        same_row = ROW[edges[0]] == ROW[edges[1]]
        np.testing.assert_array_equal(np.isin(edges[2], [0, 1, 2]), same_row)
        within_rows.append(edges[:, same_row])
    np.testing.assert_array_equal(*within_rows)


def test_tables_are_read_only_and_layouts_checked():
    for table in (hex_edges(), hex_edges("xec-ml-wl"), hex_positions()):
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 1
    with pytest.raises(GeometryError, match="unknown layout"):
        hex_edges("parity")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_direction_is_one_step_on_the_axial_grid(layout):
    cells = hex_cells(layout)
    assert len({tuple(cell) for cell in cells.tolist()}) == len(cells)
    assert (cells.min(axis=0) == 0).all()
    source, target, direction = hex_edges(layout)
    np.testing.assert_array_equal(cells[target] - cells[source], np.array(HEX_STEPS)[direction])


def test_axial_grid_follows_the_positions():
    across, outwards = hex_positions().T
    row, column = hex_cells().T
    np.testing.assert_array_equal(np.unique(outwards, return_inverse=True)[1], row)
    # A column goes one pitch along z, a row back by half of it.
    pitch = np.diff(across[:2])[0]
    np.testing.assert_allclose(np.ptp(across / pitch - column - row / 2), 0.0, atol=1e-9)
