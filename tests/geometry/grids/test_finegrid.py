"""The outer fine grid: where the cells are, and that counts are shared without loss."""

import numpy as np
import pytest

from xec_geometry import N_SENSORS, GeometryError, face_ids, index_map, outer_fine_grid, sensor_positions
from xec_geometry.grids.fine_grid import fine_shape

POOLS = [None, (1, 1), (3, 3), (5, 3), (3, 2), (9, 8), (45, 72)]
UNEVEN = [(2, 2), (2, 3), (4, 5), (44, 71)]


def shares_per_sensor(grid):
    return np.bincount(grid.sensor.ravel(), weights=grid.share.ravel(), minlength=N_SENSORS)


@pytest.mark.parametrize("pool", POOLS + UNEVEN)
def test_counts_are_conserved(pool):
    totals = shares_per_sensor(outer_fine_grid(pool))
    assert totals[face_ids("outer")] == pytest.approx(1)
    assert totals.sum() == pytest.approx(234)


@pytest.mark.parametrize("pool", POOLS)
def test_old_layout_loses_and_doubles_twelve_sensors(pool):
    """Coarse cells hold 1/15 and centre cells 1/6 of a count; which sensors overlap follows from the map."""
    totals = shares_per_sensor(outer_fine_grid(pool, "xec-ml-wl"))
    coarse = index_map("outer_coarse", "xec-ml-wl").copy()
    hidden = coarse[3:6, 10:14].ravel()
    doubled = np.intersect1d(face_ids("outer_center"), face_ids("outer_coarse"))
    expected = np.zeros(N_SENSORS)
    expected[face_ids("outer")] = 1
    expected[hidden] -= 1
    expected[doubled] += 1
    np.testing.assert_allclose(totals, expected, atol=1e-12)


def test_cells_of_the_grid():
    """A coarse cell covers 5 × 3 fine cells, a centre cell 3 × 2, the patch rows 15–29, columns 30–41."""
    grid = outer_fine_grid()
    assert grid.shape == fine_shape() == (45, 72)
    assert grid.sensor.shape == grid.share.shape == grid.area.shape == (45 * 72, 1)
    sensor, share = grid.sensor.reshape(45, 72), grid.share.reshape(45, 72)
    np.testing.assert_array_equal(sensor, index_map("outer"))
    patch = np.zeros((45, 72), dtype=bool)
    patch[15:30, 30:42] = True
    assert share[patch] == pytest.approx(1 / 6)
    assert share[~patch] == pytest.approx(1 / 15)
    rows, columns = np.nonzero(patch)
    expected = index_map("outer_center")[(rows - 15) // 3, (columns - 30) // 2]
    np.testing.assert_array_equal(sensor[patch], expected)
    rows, columns = np.nonzero(~patch)
    np.testing.assert_array_equal(sensor[~patch], index_map("outer_coarse")[rows // 5, columns // 3])
    assert np.all(grid.area == 1)


def test_all_outer_sensors_have_their_own_cells():
    sensors, cells = np.unique(outer_fine_grid().sensor, return_counts=True)
    np.testing.assert_array_equal(sensors, face_ids("outer"))
    in_patch = np.isin(sensors, face_ids("outer_center"))
    assert set(cells[in_patch]) == {6}
    assert set(cells[~in_patch]) == {15}


def test_cells_lie_where_their_sensors_stand():
    """Row and column of a sensor's cells grow with its z and φ."""
    sensor = index_map("outer")
    x, y, z = sensor_positions()[sensor].transpose(2, 0, 1)
    phi = np.rad2deg(np.arctan2(y, x)) % 360
    assert np.all(np.diff(z, axis=0) > -1e-9)
    assert np.all(np.diff(phi, axis=1) > -1e-9)


@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
@pytest.mark.parametrize("pool", POOLS[1:])
def test_pooling_sums_the_fine_cells(pool, layout):
    npho = np.random.default_rng(5).gamma(1.0, 300.0, N_SENSORS)
    fine, pooled = outer_fine_grid(None, layout), outer_fine_grid(pool, layout)
    image = (fine.share * npho[fine.sensor]).sum(axis=1).reshape(fine.shape)
    rows, columns = pooled.shape
    expected = image.reshape(rows, pool[0], columns, pool[1]).sum(axis=(1, 3))
    found = (pooled.share * npho[pooled.sensor]).sum(axis=1).reshape(pooled.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Areas are the weights of a mean over the fine cells.
    copied = npho[fine.sensor[:, 0]].reshape(rows, pool[0], columns, pool[1]).mean(axis=(1, 3))
    np.testing.assert_allclose(
        (pooled.area * npho[pooled.sensor]).sum(axis=1).reshape(pooled.shape), copied, rtol=1e-12
    )


@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
@pytest.mark.parametrize("pool", UNEVEN)
def test_a_pool_that_does_not_divide(pool, layout):
    """What is left over is a smaller cell in the layout ``physical``, and left out in ``xec-ml-wl``."""
    grid, fine = outer_fine_grid(pool, layout), outer_fine_grid(None, layout)
    ends = (45, 72) if layout == "physical" else (45 // pool[0] * pool[0], 72 // pool[1] * pool[1])
    assert grid.shape == tuple(-(-end // size) for end, size in zip(ends, pool, strict=True))
    image = np.arange(N_SENSORS, dtype=float)[fine.sensor[:, 0]].reshape(45, 72)[: ends[0], : ends[1]]
    for cell, (row, column) in enumerate(np.ndindex(grid.shape)):
        part = image[row * pool[0] : (row + 1) * pool[0], column * pool[1] : (column + 1) * pool[1]]
        assert (grid.area[cell] * grid.sensor[cell]).sum() == pytest.approx(part.mean())


@pytest.mark.parametrize("pool", POOLS + UNEVEN)
def test_padding_is_harmless(pool):
    grid = outer_fine_grid(pool)
    assert grid.area.sum(axis=1) == pytest.approx(1)
    np.testing.assert_array_equal(grid.share > 0, grid.area > 0)
    assert np.isin(grid.sensor, face_ids("outer")).all()
    for ids, area in zip(grid.sensor, grid.area, strict=True):
        assert len(set(ids[area > 0])) == (area > 0).sum()


def test_pooled_shape():
    assert outer_fine_grid((3, 3)).shape == (15, 24)
    assert outer_fine_grid([3, 3]).shape == (15, 24)


@pytest.mark.parametrize("pool", [(46, 3), (3, 73), (0, 3), (3,), (3, 3, 3), (3.0, 3), (-3, 3)])
def test_pool_that_does_not_fit_is_refused(pool):
    with pytest.raises(GeometryError, match=r"cannot pool .* 45 rows .* 72 columns"):
        outer_fine_grid(pool)


def test_read_only_and_layout():
    grid = outer_fine_grid((3, 3))
    for table in (grid.sensor, grid.share, grid.area):
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 0
    with pytest.raises(GeometryError, match="unknown layout"):
        outer_fine_grid(layout="old")
