"""Survey tables: reading, every way in which they are wrong, and what moved."""

import numpy as np
import pytest

from xec_geometry import (
    GeometryError,
    compare_survey,
    geometry_hash,
    index_map,
    read_survey,
    sensor_normals,
    sensor_positions,
)
from xec_geometry.detector.survey import nominal_table


def line(sensor, position=None, normal=None, digits=6):
    position = sensor_positions()[sensor] if position is None else position
    normal = sensor_normals()[sensor] if normal is None else normal
    return " ".join([str(sensor), *(f"{value:.{digits}f}" for value in (*position, *normal))])


@pytest.fixture
def write(tmp_path):
    def write_lines(*lines):
        path = tmp_path / "survey.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_lines


def test_nominal_table_is_read_back(write):
    path = write("# all sensors", *(line(sensor) for sensor in range(len(sensor_positions()))))
    table = read_survey(path)
    np.testing.assert_allclose(table.positions, sensor_positions(), atol=1e-6)
    np.testing.assert_allclose(table.normals, sensor_normals(), atol=1e-6)
    assert len(table.surveyed) == len(sensor_positions())
    assert len(compare_survey(table).sensor) == 0


def test_only_the_sensors_in_the_table_move(write):
    up = sensor_positions()[40] + [0, 0, 0.25]
    path = write(
        "sensor_id x y z nx ny nz   # names of the columns", "", line(40, up), "  ", line(4700) + " # nominal"
    )
    table = read_survey(path)
    assert table.surveyed.tolist() == [40, 4700]
    others = np.arange(len(table.positions)) != 40
    np.testing.assert_allclose(table.positions[others], sensor_positions()[others], atol=1e-6)
    moved = compare_survey(table)
    assert moved.sensor.tolist() == [40]
    assert moved.shift[0] == pytest.approx([0, 0, 0.25], abs=1e-5)
    assert moved.distance == pytest.approx(0.25, abs=1e-5)
    assert moved.turn == pytest.approx(0, abs=1e-3)


def test_commas_and_full_precision(write):
    path = write(line(7, digits=15).replace(" ", ", "))
    np.testing.assert_allclose(read_survey(path).positions[7], sensor_positions()[7], rtol=1e-14)


def test_largest_first_and_thresholds(write):
    def shifted(sensor, dz):
        return line(sensor, sensor_positions()[sensor] + [0, 0, dz])

    turned = [np.cos(0.01), np.sin(0.01), 0.0]
    nominal_direction = [1.0, 0.0, 0.0]
    table = read_survey(write(shifted(3, 0.1), shifted(9, -0.5), shifted(4, 0.0005), line(11, normal=turned)))
    moved = compare_survey(table)
    # Sensor 11 stays, and only its normal is off.
    assert set(moved.sensor.tolist()) == {9, 3, 11}
    assert moved.sensor[:2].tolist() == [9, 3]
    assert moved.distance[:2] == pytest.approx([0.5, 0.1], abs=1e-6)
    assert compare_survey(table, min_distance=0.2, min_turn=180).sensor.tolist() == [9]
    assert 4 in compare_survey(table, min_distance=0.0004).sensor
    reference = read_survey(write(line(11, normal=nominal_direction)))
    turned_by = compare_survey(table, reference, min_distance=1)
    assert turned_by.sensor.tolist() == [11]
    assert turned_by.turn == pytest.approx(np.rad2deg(0.01), rel=1e-4)  # six digits


def test_normals_become_unit_vectors(write):
    normal = sensor_normals()[100] * 1.0004
    assert np.linalg.norm(read_survey(write(line(100, normal=normal))).normals[100]) == pytest.approx(
        1, abs=1e-15
    )


def test_maps_and_hash_do_not_depend_on_a_survey(write):
    before = index_map("inner").copy(), geometry_hash()
    table = read_survey(write(line(0, [1, 2, 3])))
    assert table.positions[0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(index_map("inner"), before[0])
    assert geometry_hash() == before[1]
    assert nominal_table().positions[0] == pytest.approx(sensor_positions()[0])


def test_tables_are_read_only(write):
    table = read_survey(write(line(0)))
    for array in (table.positions, table.normals, table.surveyed):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


BAD = [
    (["# nothing"], r"survey.txt: no sensor in the table; expected lines of 'sensor_id x y z nx ny nz'"),
    (["1 2 3"], r"survey.txt, line 1: found 3 columns; expected 7: sensor_id x y z nx ny nz"),
    (["# a", line(5), "5 1 2 3 1 0"], r"line 3: found 6 columns"),
    ([line(5), line(6), line(5)], r"line 3: sensor 5 was given before, in line 1"),
    (["4760 0 0 0 1 0 0"], r"line 1: there is no sensor 4760; expected 0 to 4759"),
    (["-1 0 0 0 1 0 0"], r"there is no sensor -1"),
    (["1.5 0 0 0 1 0 0"], r"'1.5' is no sensor id"),
    ([line(1), "sensor_id x y z nx ny nz"], r"line 2: 'sensor_id' is no sensor id"),
    (["1 0 zero 0 1 0 0"], r"line 1: column y holds 'zero'; expected a finite number"),
    (["1 0 0 nan 1 0 0"], r"column z holds 'nan'"),
    (["1 0 0 0 1 0 inf"], r"column nz holds 'inf'"),
    (["1_0 0 0 0 1 0 0"], r"'1_0' is no sensor id"),
    (["٣ 0 0 0 1 0 0"], r"'٣' is no sensor id"),
    (["9" * 5000 + " 0 0 0 1 0 0"], r"'9{40}…' is no sensor id"),
    (["1 0 1_0 0 1 0 0"], r"column y holds '1_0'"),
    (["1 0 ٣ 0 1 0 0"], r"column y holds '٣'"),
    (["1 0 1e300 0 1 0 0"], r"column y holds '1e300'; expected a finite number below 1e9"),
    (["1 0 0 0 1 1 0"], r"line 1: the normal of sensor 1 has length 1.41421; expected a unit vector"),
    (["1 0 0 0 0 0 0"], r"has length 0; expected a unit vector"),
]


@pytest.mark.parametrize(("lines", "message"), BAD)
def test_bad_tables(write, lines, message):
    with pytest.raises(GeometryError, match=message):
        read_survey(write(*lines))


def test_a_comment_goes_to_the_end_of_its_line(write):
    path = write(*(f"# as built{end}{line(9)}" for end in "\u2028\x0b\x0c\x85\x1c"), line(40))
    assert read_survey(path).surveyed.tolist() == [40]


def test_a_byte_order_mark_is_no_part_of_the_table(write):
    path = write("\ufeffsensor_id x y z nx ny nz", line(40))
    assert read_survey(path).surveyed.tolist() == [40]


def test_unreadable_tables(tmp_path):
    with pytest.raises(GeometryError, match=r"cannot read the table .*missing.txt: No such file"):
        read_survey(tmp_path / "missing.txt")
    with pytest.raises(GeometryError, match="cannot read the table"):
        read_survey(tmp_path)
    binary = tmp_path / "table.bin"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(GeometryError, match="not a text file"):
        read_survey(binary)
