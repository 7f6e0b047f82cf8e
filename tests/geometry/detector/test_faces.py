"""Faces and index maps; golden numbers from the table of faces of the detector page."""

import numpy as np
import pytest

from xec_geometry import FACES, GRIDS, N_SENSORS, GeometryError, face_ids, index_map, sensor_positions
from xec_geometry.detector.faces import FACE_TABLE, face_of_sensor, id_ranges

# Name, first id, last id, number of sensors.
RANGES = [
    ("inner", 0, 4091, 4092),
    ("outer_coarse", 4092, 4307, 216),
    ("us", 4308, 4451, 144),
    ("ds", 4452, 4595, 144),
    ("top", 4596, 4668, 73),
    ("bottom", 4669, 4741, 73),
]
SHAPES = {
    "inner": (93, 44),
    "us": (24, 6),
    "ds": (24, 6),
    "outer": (45, 72),
    "outer_coarse": (9, 24),
    "outer_center": (5, 6),
    "top": (73,),
    "bottom": (73,),
}


def test_number_of_sensors():
    assert N_SENSORS == 4760
    assert (FACE_TABLE["inner"].kind, FACE_TABLE["outer"].kind) == ("SiPM", "PMT")


def test_faces_are_in_token_order():
    assert FACES == ("inner", "us", "ds", "outer", "top", "bottom")


@pytest.mark.parametrize(("name", "first", "last", "number"), RANGES)
def test_ids_of_faces(name, first, last, number):
    ids = face_ids(name)
    assert ids.dtype == np.int64
    assert (ids[0], ids[-1], len(ids)) == (first, last, number)
    assert np.all(np.diff(ids) == 1)


def test_outer_face_has_its_centre_patch():
    ids = face_ids("outer")
    assert len(ids) == 234
    assert np.all(np.diff(ids) > 0)
    assert set(ids) == set(range(4092, 4308)) | set(range(4742, 4760))
    assert len(face_ids("outer_center")) == 30
    shared = np.intersect1d(face_ids("outer_center"), face_ids("outer_coarse"))
    assert shared.tolist() == [4185, 4186, 4187, 4194, 4195, 4196, 4203, 4204, 4205, 4212, 4213, 4214]


def test_every_sensor_is_on_exactly_one_face():
    together = np.concatenate([face_ids(name) for name in FACES])
    np.testing.assert_array_equal(np.sort(together), np.arange(N_SENSORS))
    for number, name in enumerate(FACES):
        np.testing.assert_array_equal(np.flatnonzero(face_of_sensor() == number), face_ids(name))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
def test_maps_have_the_sensors_of_their_face(name, layout):
    index = index_map(name, layout)
    assert index.shape == SHAPES[name]
    assert index.dtype == np.int64
    found = np.unique(index)
    if name == "outer" and layout == "xec-ml-wl":
        # Its coarse map does not follow positions, so the patch hides 12 others than its own.
        hidden = np.setdiff1d(face_ids("outer"), found)
        assert len(hidden) == 12
        assert not np.isin(hidden, face_ids("outer_center")).any()
    else:
        np.testing.assert_array_equal(found, face_ids(name))


def test_plain_maps_run_as_the_page_says():
    np.testing.assert_array_equal(index_map("inner"), np.arange(4092).reshape(93, 44))
    np.testing.assert_array_equal(index_map("us"), 4308 + np.arange(144).reshape(24, 6))
    np.testing.assert_array_equal(index_map("ds"), 4452 + np.arange(144).reshape(24, 6))
    coarse = index_map("outer_coarse")
    assert all(coarse[k, s] == 4092 + 9 * s + k for k in range(9) for s in range(24))
    assert index_map("outer_center")[:, 0].tolist() == [4185, 4742, 4186, 4743, 4187]
    assert index_map("outer_center")[:, 5].tolist() == [4212, 4758, 4213, 4759, 4214]


@pytest.mark.parametrize("name", ["inner", "us", "ds", "outer_center"])
def test_physical_maps_follow_the_positions(name):
    """Along one axis of a map only z (or depth) changes, along the other only φ."""
    x, y, z = np.moveaxis(sensor_positions()[index_map(name)], -1, 0)
    phi = np.arctan2(y, x) % (2 * np.pi)
    if name == "outer_center":
        rows, columns = z, phi
    else:
        rows, columns = phi, (z if name == "inner" else np.abs(z))
    assert np.all(np.diff(rows, axis=0) > 0)
    assert np.all(np.diff(columns, axis=1) > 0)
    assert np.ptp(rows, axis=1) == pytest.approx(0, abs=1e-12)
    assert np.ptp(columns, axis=0) == pytest.approx(0, abs=1e-12)


def largest_step(index):
    places = sensor_positions()[index]
    return max(np.linalg.norm(np.diff(places, axis=axis), axis=-1).max() for axis in (0, 1))


def test_neighbours_in_the_coarse_map():
    """In plain row order they are up to 83 cm apart (detector page), else about a pitch of 10 cm."""
    # Beside the patch, whose PMTs have moved closer together, the gaps are somewhat larger.
    assert largest_step(index_map("outer_coarse")) < 15
    assert largest_step(index_map("outer_coarse", "xec-ml-wl")) == pytest.approx(83, abs=0.5)
    plain = np.arange(4092, 4308).reshape(9, 24)
    np.testing.assert_array_equal(index_map("outer_coarse", "xec-ml-wl"), plain)


@pytest.mark.parametrize("function", [face_ids, index_map])
def test_unknown_face_names_the_nearest(function):
    with pytest.raises(GeometryError, match=r"unknown face 'outer_centre' \(did you mean 'outer_center'"):
        function("outer_centre")


def test_unknown_layout_names_the_nearest():
    with pytest.raises(GeometryError, match=r"unknown layout 'phisical' \(did you mean 'physical'"):
        index_map("inner", "phisical")


@pytest.mark.parametrize("name", GRIDS)
def test_tables_cannot_be_changed(name):
    for table in (face_ids(name), index_map(name)):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 7


def test_id_ranges():
    assert id_ranges(np.array([0, 1, 2, 7, 8])) == "0–2, 7–8"
    assert id_ranges(face_ids("outer")) == "4092–4307, 4742–4759"
