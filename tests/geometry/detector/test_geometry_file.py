"""One setting for the geometry: nominal, or a file with the columns of a survey or of the analyzer."""

import dataclasses

import numpy as np
import pytest
from tests.displaced import SURVEY, displaced, shifted, write_table

from xec_geometry import (
    GeometryError,
    geometry_hash,
    load_geometry,
    mirrored_sensors,
    sensor_normals,
    sensor_positions,
    xyz_to_uvw,
)
from xec_geometry.exports import export_geometry

BUILT = displaced()
DUMP = "id is_sipm face x y z dir_x dir_y dir_z"
COLUMNS = (
    SURVEY,
    DUMP,
    "id is_sipm is_bad face x y z dir_x dir_y dir_z",
    "sensor_id dir_x dir_y dir_z pos_x pos_y pos_z face",
)


def test_nominal_is_the_default():
    assert load_geometry() is load_geometry("nominal")
    assert load_geometry().is_nominal
    assert geometry_hash(table=load_geometry()) == geometry_hash()


@pytest.mark.parametrize("columns", COLUMNS)
def test_columns_are_told_by_their_number(tmp_path, columns):
    table = load_geometry(write_table(tmp_path / "built.txt", BUILT, columns))
    np.testing.assert_array_equal(table.positions, BUILT.positions)
    np.testing.assert_allclose(table.normals, BUILT.normals, rtol=0, atol=1e-15)
    assert not table.is_nominal
    assert geometry_hash(table=table) == geometry_hash(table=BUILT) != geometry_hash()


def test_columns_are_told_by_their_names(tmp_path):
    path = write_table(tmp_path / "built.txt", BUILT, "id z nz y ny x nx is_bad", header=True)
    np.testing.assert_array_equal(load_geometry(path).positions, BUILT.positions)
    # A comment is none, whatever it begins with.
    path.write_text("# id of the survey: 7\n" + write_table(tmp_path / "b.txt", BUILT, SURVEY).read_text())
    np.testing.assert_array_equal(load_geometry(path).positions, BUILT.positions)


def test_an_exported_table_is_read_back(tmp_path):
    path = tmp_path / "sensors.csv"
    path.write_text(export_geometry("csv", table=BUILT))
    np.testing.assert_array_equal(load_geometry(path).positions, BUILT.positions)
    path.write_text(export_geometry("csv"))
    assert load_geometry(path).is_nominal


def test_what_the_hash_does_not_tell_apart_is_one_geometry(tmp_path):
    nominal = load_geometry()
    for shift, same in ((1e-9, True), (1e-3, False)):
        table = dataclasses.replace(nominal, positions=nominal.positions + shift)
        assert table.is_nominal == same == (geometry_hash(table=table) == geometry_hash())
        read = load_geometry(write_table(tmp_path / "built.txt", table, SURVEY))
        assert np.array_equal(read.positions, nominal.positions) == same
        assert len(read.surveyed) == len(nominal.positions)


@pytest.mark.parametrize("name", ["cpp", "json"])
def test_exports_carry_the_hash_and_the_positions(name):
    text = export_geometry(name, table=BUILT)
    assert geometry_hash(table=BUILT) in text
    assert geometry_hash() not in text
    assert repr(float(BUILT.positions[4000, 0])) in text


def test_a_built_detector_has_no_mirror_image():
    with pytest.raises(GeometryError, match="reflection 'z'"):
        mirrored_sensors("z", BUILT)
    # Moved along y, it looks the same reflected at z = 0 alone.
    np.testing.assert_array_equal(mirrored_sensors("z", shifted((0, 0.5, 0))), mirrored_sensors("z"))
    with pytest.raises(GeometryError, match="reflection 'y'"):
        mirrored_sensors("y", shifted((0, 0.5, 0)))


def test_what_is_no_geometry(tmp_path):
    with pytest.raises(GeometryError, match=r"no such geometry: nominel \(did you mean 'nominal'\?\)"):
        load_geometry("nominel")
    lines = write_table(tmp_path / "built.txt", BUILT, DUMP).read_text().splitlines()
    lines[5] = lines[5].replace("5 1 ", "5 0 ", 1)
    (tmp_path / "kinds.txt").write_text("\n".join(lines))
    with pytest.raises(GeometryError, match=r"line 6: is_sipm is '0' for sensor 5, which is a SiPM"):
        load_geometry(tmp_path / "kinds.txt")
    (tmp_path / "names.txt").write_text("sensor_id x y z\n0 1 2 3\n")
    with pytest.raises(GeometryError, match=r"line 1: the columns nx, ny, nz are missing"):
        load_geometry(tmp_path / "names.txt")


def test_another_unit_and_another_direction_are_noticed(tmp_path):
    from xec_geometry import SensorTable

    ids = np.arange(len(sensor_positions()))
    outwards = SensorTable(sensor_positions(), -sensor_normals(), ids)
    with pytest.raises(GeometryError, match="point out of the xenon"):
        load_geometry(write_table(tmp_path / "out.txt", outwards, SURVEY))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r * 10, "seem to be in mm: divide x, y and z by 10"),
        (lambda r: r / 100, "seem to be in m: multiply x, y and z by 100"),
        (lambda r: r[:, [1, 0, 2]], "the columns seem to be y x z in this order"),
        (lambda r: r[:, [2, 0, 1]], "the columns seem to be z x y in this order"),
        (lambda r: r * [1, 1, -1], "z seems to have the other sign"),
        (xyz_to_uvw, "they seem to be u, v, w: write x, y and z"),
        (lambda r: xyz_to_uvw(r)[:, [1, 0, 2]], "they seem to be v, u, w: write x, y and z"),
        (lambda r: r + 30, "in the detector's coordinates"),
    ],
)
def test_what_positions_were_meant_to_be(tmp_path, change, message):
    from xec_geometry import SensorTable

    table = SensorTable(change(BUILT.positions), sensor_normals(), np.arange(len(sensor_positions())))
    with pytest.raises(
        GeometryError, match=r"more than \d+ cm from their nominal places; expected x, y and z in cm"
    ) as error:
        load_geometry(write_table(tmp_path / "meant.txt", table, SURVEY))
    assert message in str(error.value)
    # Without a guess, nothing is guessed.
    assert ("seem" in str(error.value)) == ("seem" in message)


def test_normals_in_another_order(tmp_path):
    from xec_geometry import SensorTable

    ids = np.arange(len(sensor_positions()))
    table = SensorTable(sensor_positions(), sensor_normals()[:, [1, 0, 2]], ids)
    with pytest.raises(
        GeometryError, match=r"turned by more than \d+° .*; the columns seem to be ny nx nz in this"
    ):
        load_geometry(write_table(tmp_path / "turned.txt", table, SURVEY))
