"""`xec geometry` as a user runs it."""

import json
import sys

import pytest

from xec_geometry import geometry_hash, sensor_normals, sensor_positions
from xec_geometry.cli.application import main


@pytest.fixture
def xec(capsys, monkeypatch):
    """Run a command; give back its exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["geometry", *map(str, arguments)])
        output = capsys.readouterr()
        return stop.value.code or 0, output.out, output.err

    return run


@pytest.fixture
def survey(tmp_path):
    def write(shifts):
        lines = ["# sensor_id x y z nx ny nz"]
        for sensor, dz in shifts.items():
            x, y, z = sensor_positions()[sensor]
            lines.append(" ".join(map(str, [sensor, x, y, z + dz, *sensor_normals()[sensor]])))
        path = tmp_path / "survey.txt"
        path.write_text("\n".join(lines))
        return path

    return write


def error_line(errors):
    lines = [line for line in errors.splitlines() if not line.startswith("warning:")]
    assert len(lines) == 1
    assert lines[0].startswith("xec: error: ")
    return lines[0]


def test_show(xec):
    status, output, _ = xec("show")
    assert status == 0
    for part in (
        "inner",
        "4092",
        "93 × 44",
        "45 × 72",
        "4092–4307, 4742–4759",
        "366 directed pairs",
        geometry_hash(),
    ):
        assert part in output


def test_show_another_layout(xec):
    _, output, _ = xec("show", "--layout", "xec-ml-wl")
    assert "358 directed pairs" in output
    assert geometry_hash("xec-ml-wl") in output


def test_show_draws(xec, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "detector.png"
    status, output, _ = xec("show", "--png", path)
    assert status == 0
    assert str(path) in output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_export_to_the_terminal_and_to_a_file(xec, tmp_path):
    path = tmp_path / "geometry.json"
    status, output, _ = xec("export", "--format", "json")
    assert status == 0
    assert xec("export", "--format", "json", "-o", path)[:2] == (0, "")
    assert path.read_text() == output
    assert json.loads(output)["n_sensors"] == 4760


def test_export_needs_a_format(xec):
    status, _, errors = xec("export")
    assert status == 2
    assert "--format" in errors


def test_check_lists_what_moved(xec, survey):
    status, output, _ = xec("check", survey({7: 0.02, 4600: -0.5, 4601: 0.0}))
    assert status == 0
    assert "3 of 4760 sensors, 2 moved" in output
    rows = [line.split() for line in output.splitlines()]
    assert [row[:3] for row in rows if row[:1] in (["7"], ["4600"])] == [
        ["4600", "top", "0.5000"],
        ["7", "inner", "0.0200"],
    ]
    assert ["top", "2", "1", "0.5000", "0.5000", "0.000"] in rows
    assert ["inner", "1", "1", "0.0200", "0.0200", "0.000"] in rows
    assert ["outer", "0", "0", "–", "–", "–"] in rows


def test_check_limits_its_list(xec, survey):
    table = survey(dict.fromkeys(range(30), 0.1))
    _, output, _ = xec("check", table, "--rows", 4)
    assert "… and 26 more" in output
    assert "0 moved" in xec("check", table, "--min-distance", 0.2)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "--layout", "physic"], "unknown layout 'physic' (did you mean 'physical'?)"),
        (["show", "--png", "/no/such/folder/x.png"], "the folder /no/such/folder does not exist"),
        (
            ["export", "--format", "cpp", "-o", "/no/such/folder/x.hpp"],
            "the folder /no/such/folder does not exist",
        ),
        (["export", "--format", "cvs"], "unknown format 'cvs' (did you mean 'csv'?)"),
        (["check", "/no/such/table.txt"], "cannot read the table /no/such/table.txt: No such file"),
    ],
)
def test_user_errors(xec, arguments, message):
    status, output, errors = xec(*arguments)
    assert status == 2
    assert message in error_line(errors)
    assert output == ""


def test_bad_table(xec, tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("0 1 2 3\n")
    status, output, errors = xec("check", path)
    assert (status, output) == (2, "")
    assert f"{path}, line 1: found 4 columns; expected 7: sensor_id x y z nx ny nz" in error_line(errors)


def test_picture_without_matplotlib(xec, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    status, _, errors = xec("show", "--png", tmp_path / "detector.png")
    assert status == 2
    assert "pip install 'xec-geometry[plot]'" in error_line(errors)
