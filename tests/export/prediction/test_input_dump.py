"""The file for a comparison in C++ holds what went into the network, and what it gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from xec_export import ExportError, open_predictor, predict_files
from xec_export.prediction.mirrored import MirroredPredictor
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main
from xec_geometry.support.output import OutputError

MakeEvents = Callable[..., dict[str, np.ndarray[Any, Any]]]


def read(path: Path) -> tuple[list[str], np.ndarray[Any, Any]]:
    """The lines of the header, and a row of numbers for each event."""
    head, _, numbers = path.read_bytes().partition(b"\ndata\n")
    lines = head.decode().splitlines()
    (n_events,) = (int(line.split()[1]) for line in lines if line.startswith("events "))
    return lines, np.frombuffer(numbers, "<f4").reshape(n_events, -1)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def test_inputs_and_predictions_of_the_first_events(
    exported: Any,
    event_file: Path,
    make_events: MakeEvents,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output, dump = tmp_path / "out.root", tmp_path / "events.xec"
    arguments = ["predict", exported.onnx, event_file, "-o", output]
    arguments += ["--dump-inputs", dump, "--dump-events", "5"]
    assert run(*arguments) == 0
    assert f"wrote {dump}: inputs and predictions of 5 events" in capsys.readouterr().out
    lines, rows = read(dump)
    outputs = [line for line in lines if line.startswith("output ")]
    assert [line for line in lines if line not in outputs] == [
        "xec-inputs 2",
        "network all_tasks",
        f"geometry_hash {open_predictor(exported.onnx).description.geometry_hash}",
        "mirror_average 0",
        "events 5",
        f"sensors {N_SENSORS}",
        "input npho",
        "input time",
    ]
    assert outputs[:2] == ["output angle 2", "output angle_sigma 2"]
    events = make_events(70)
    np.testing.assert_array_equal(rows[:, :N_SENSORS], events["npho"][:5])
    np.testing.assert_array_equal(rows[:, N_SENSORS : 2 * N_SENSORS], events["relative_time"][:5])
    predictions = open_predictor(exported.onnx).predict(events["npho"][:16], events["relative_time"][:16])
    expected = np.concatenate([predictions[line.split()[1]] for line in outputs], axis=1)
    np.testing.assert_allclose(rows[:, 9520:], expected[:5], rtol=1e-5, atol=1e-6)
    # What stands there is replaced on demand only.
    assert run(*arguments, "--force") == 0
    output.unlink()
    assert run(*arguments) == 2
    assert f"{dump} exists" in capsys.readouterr().err


def test_several_chunks_of_small_files_and_all_their_events(
    exported: Any, make_events: MakeEvents, make_file: Callable[..., Path], tmp_path: Path
) -> None:
    parts = [make_events(n, seed=n) for n in (2, 3)]
    files = [make_file(tmp_path / f"{i}.root", part) for i, part in enumerate(parts)]
    predictor = MirroredPredictor(open_predictor(exported.onnx))
    report = predict_files(predictor, files, tmp_path / "out.root", dump=tmp_path / "events.xec")
    assert (report.dump, report.n_dumped) == (tmp_path / "events.xec", 5)
    lines, rows = read(tmp_path / "events.xec")
    assert "mirror_average 1" in lines
    np.testing.assert_array_equal(rows[:, :N_SENSORS], np.concatenate([part["npho"] for part in parts]))
    cut = predict_files(predictor, files, tmp_path / "cut.root", dump=tmp_path / "cut.xec", dump_events=3)
    assert cut.n_dumped == 3
    np.testing.assert_array_equal(read(tmp_path / "cut.xec")[1], rows[:3])


def test_what_an_inpainter_gets_and_gives(
    inpainter: Path,
    event_file: Path,
    make_events: MakeEvents,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output, dump, dead = tmp_path / "out.root", tmp_path / "events.xec", tmp_path / "dead.txt"
    dead.write_text("17\n4100\n")
    arguments = ["inpaint", inpainter / "net.onnx", event_file, "-o", output, "--dead", dead]
    assert run(*arguments, "--dump-inputs", dump, "--dump-events", "20") == 0
    assert f"wrote {dump}: inputs and predictions of 20 events" in capsys.readouterr().out
    lines, rows = read(dump)
    assert lines[-5:] == [
        "input npho",
        "input time",
        "input dead",
        f"output npho_inpainted {N_SENSORS}",
        f"output time_inpainted {N_SENSORS}",
    ]
    npho, time, flags, new_npho, new_time = np.split(rows, 5, axis=1)
    events = make_events(70)
    np.testing.assert_array_equal(npho, events["npho"][:20])
    np.testing.assert_array_equal(time, events["relative_time"][:20])
    np.testing.assert_array_equal(np.flatnonzero(flags[0]), [17, 4100])
    assert flags.sum() == 40
    with uproot.open(output) as file:
        copy = file["tree"].arrays(["npho", "relative_time"], entry_stop=20, library="np")
    np.testing.assert_array_equal(new_npho, copy["npho"])
    np.testing.assert_array_equal(new_time, copy["relative_time"])
    # No sensor is recovered: the network is asked all the same.
    assert run(*arguments[:-2], "--no-invalid", "--dump-inputs", dump, "--force") == 0
    (_, rows) = read(dump)
    assert rows.shape == (64, 5 * N_SENSORS)
    np.testing.assert_array_equal(rows[:, :N_SENSORS], rows[:, 3 * N_SENSORS : 4 * N_SENSORS])
    assert run(*arguments, "--force", "--dump-inputs", output) == 2
    assert "the output of the command" in capsys.readouterr().err


def test_no_file_remains_of_a_prediction_that_fails(
    exported: Any, make_events: MakeEvents, make_file: Callable[..., Path], tmp_path: Path
) -> None:
    events = make_events(4)
    events["npho"][:] = 1e10
    path = make_file(tmp_path / "dark.root", events)
    with pytest.raises(ExportError, match="are invalid"):
        predict_files(
            open_predictor(exported.onnx), [path], tmp_path / "out.root", dump=tmp_path / "events.xec"
        )
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"), [("out.root", "the output of the command"), ("in.root", "it is the input")]
)
def test_it_replaces_no_other_file(
    exported: Any,
    make_events: MakeEvents,
    make_file: Callable[..., Path],
    tmp_path: Path,
    name: str,
    message: str,
) -> None:
    path = make_file(tmp_path / "in.root", make_events(2))
    with pytest.raises(OutputError, match=message):
        predict_files(open_predictor(exported.onnx), [path], tmp_path / "out.root", dump=tmp_path / name)
