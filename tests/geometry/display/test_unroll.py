"""The unrolled detector: every sensor in its face's box, neighbours at their distances."""

from itertools import combinations

import numpy as np
import pytest

from xec_geometry import FACES, N_SENSORS, face_ids, sensor_positions, unrolled_face_boxes, unrolled_positions


def test_sensors_stand_in_their_face_and_faces_apart():
    boxes, places = unrolled_face_boxes(), unrolled_positions()
    assert places.shape == (N_SENSORS, 2)
    assert tuple(boxes) == FACES
    for name, (x0, x1, y0, y1) in boxes.items():
        x, y = places[face_ids(name)].T
        assert x0 < x.min() < x.max() < x1
        assert y0 < y.min() < y.max() < y1
    for a, b in combinations(boxes.values(), 2):
        assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]


def test_arrangement():
    middle = {
        name: ((x0 + x1) / 2, (y0 + y1) / 2) for name, (x0, x1, y0, y1) in unrolled_face_boxes().items()
    }
    assert middle["us"][0] < middle["inner"][0] < middle["ds"][0] < middle["outer"][0]
    assert middle["bottom"][1] < middle["inner"][1] < middle["top"][1]


@pytest.mark.parametrize("name", ["inner", "outer", "top", "bottom"])
def test_faces_are_true_to_scale(name):
    """Neighbours are as far apart as in the detector, up to chord against arc."""
    ids = face_ids(name)
    space, plane = sensor_positions()[ids], unrolled_positions()[ids]
    apart = np.linalg.norm(space - space[0], axis=1)
    near = (apart > 0) & (apart < 15)
    assert near.any()
    np.testing.assert_allclose(np.linalg.norm(plane - plane[0], axis=1)[near], apart[near], rtol=2e-3)


def test_sides_are_folded_along_their_edge_to_the_inner_face():
    """The first PMT of a strip, next to the inner face, is the nearest to it, and at its φ."""
    for name in ("us", "ds"):
        strips = unrolled_positions()[face_ids(name)].reshape(24, 6, 2)
        assert np.all(np.diff(np.abs(strips[..., 0]), axis=1) > 0)
        assert np.ptp(strips[..., 1], axis=1) == pytest.approx(0, abs=1e-9)
        # The slant of a step of depth: 6.684 in radius, 2.3369 in z (detector page).
        assert np.abs(np.diff(strips[..., 0], axis=1)) == pytest.approx(np.hypot(6.684, 2.3369))


def test_read_only():
    with pytest.raises(ValueError, match="read-only"):
        unrolled_positions()[0] = 0
