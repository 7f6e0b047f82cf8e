"""Many files at once: one output each, what is finished stays, and what fails is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data import DataError, read_columns
from xec_export import ExportError, open_predictor, predict_files, predict_folder
from xec_export.prediction.folder import FolderProgress, is_folder, output_names
from xec_export.prediction.predictor import OnnxPredictor
from xec_geometry.cli.application import main
from xec_geometry.support.output import OutputError

MakeEvents = Callable[..., dict[str, np.ndarray[Any, Any]]]
MakeFile = Callable[..., Path]


@pytest.fixture(scope="module")
def predictor(exported: Any) -> OnnxPredictor:
    opened = open_predictor(exported.onnx, tasks=["energy"])
    assert isinstance(opened, OnnxPredictor)
    return opened


@pytest.fixture
def data(make_events: MakeEvents, make_file: MakeFile, tmp_path: Path) -> Path:
    """A folder with three files of 3, 4 and 5 events."""
    (tmp_path / "data").mkdir()
    for number in (3, 4, 5):
        make_file(tmp_path / "data" / f"run{number}.root", make_events(number, seed=number))
    return tmp_path / "data"


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_every_file_has_its_output(predictor: OnnxPredictor, data: Path, tmp_path: Path) -> None:
    seen: list[FolderProgress] = []
    report = predict_folder(predictor, [data], tmp_path / "out", progress=seen.append)
    assert [made.n_events for made in report.made] == [3, 4, 5]
    assert {path.name for path in report.folder.iterdir()} == {"run3.root", "run4.root", "run5.root"}
    predict_files(predictor, [data / "run4.root"], tmp_path / "alone.root")
    found, expected = (read_columns(path) for path in (report.folder / "run4.root", tmp_path / "alone.root"))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    assert [(state.number, state.n_files, state.done) for state in seen] == [(1, 3, 3), (2, 3, 7), (3, 3, 12)]
    assert seen[-1].total == 12
    assert seen[-1].seconds_left == pytest.approx(0)


def test_what_is_finished_is_not_made_again(predictor: OnnxPredictor, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = predict_folder(predictor, [data / "run3.root"], out)
    before = times(out)
    second = predict_folder(predictor, [data], out)
    assert second.finished == [first.made[0].output]
    assert [made.output.name for made in second.made] == ["run4.root", "run5.root"]
    assert times(out)["run3.root"] == before["run3.root"]
    assert predict_folder(predictor, [data], out).made == []
    again = predict_folder(predictor, [data / "run3.root"], out, force=True)
    assert len(again.made) == 1


def test_a_run_that_was_interrupted_is_gone_on_with(
    predictor: OnnxPredictor, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def interrupt(state: FolderProgress) -> None:
        if state.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_folder(predictor, [data], out, progress=interrupt)
    # Nothing half-written has the name of an output.
    assert set(times(out)) == {"run3.root"}
    report = predict_folder(predictor, [data], out)
    assert (len(report.finished), len(report.made)) == (1, 2)


def test_nothing_is_made_if_an_output_is_something_else(
    exported: Any, predictor: OnnxPredictor, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(open_predictor(exported.checkpoint, tasks=["energy"]), [data / "run5.root"], out)
    with pytest.raises(OutputError, match=r"run5\.root exists"):
        predict_folder(predictor, [data], out)
    assert set(times(out)) == {"run5.root"}
    report = predict_folder(predictor, [data], out, keep_going=True)
    assert len(report.made) == 2
    assert list(report.failed) == [data / "run5.root"]


def test_inputs_are_never_outputs(predictor: OnnxPredictor, data: Path) -> None:
    before = {path: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(OutputError, match="it is the input"):
        predict_folder(predictor, [data], data, force=True)
    assert {path: path.read_bytes() for path in data.iterdir()} == before


def test_the_first_failure_ends_it_unless_others_are_to_be_predicted(
    predictor: OnnxPredictor, data: Path, tmp_path: Path
) -> None:
    (data / "run4.root").write_bytes(b"root, but no such file")
    with pytest.raises(DataError, match=r"run4\.root"):
        predict_folder(predictor, [data], tmp_path / "out")
    assert set(times(tmp_path / "out")) == {"run3.root"}
    report = predict_folder(predictor, [data], tmp_path / "out", keep_going=True)
    assert set(times(tmp_path / "out")) == {"run3.root", "run5.root"}
    assert list(report.failed) == [data / "run4.root"]


def test_the_command_tells_what_failed(
    exported: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = data / "run4.root"
    bad.write_bytes(b"root, but no such file")
    command = ["predict", exported.onnx, data, "-o", tmp_path / "out", "--keep-going", "--tasks", "energy"]
    assert run(*command) == 2
    printed = capsys.readouterr()
    assert f"wrote {tmp_path / 'out'}/run5.root: 5 events in " in printed.out
    assert "3 of 3 files" in printed.out
    assert "1 of 3 files failed:" in printed.err
    assert f"  {bad}: " in printed.err
    before = times(tmp_path / "out")
    assert run(*command) == 2
    assert "2 files in" in capsys.readouterr().out
    assert times(tmp_path / "out") == before


def test_the_same_note_is_told_once(
    exported: Any,
    make_events: MakeEvents,
    make_file: MakeFile,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in (3, 4):
        events = make_events(number, seed=number)
        kept = {"npho": events["npho"], "time": events["relative_time"] - 6e-7}
        make_file(tmp_path / f"run{number}.root", kept)
    inputs = [tmp_path / "run3.root", tmp_path / "run4.root"]
    assert run("predict", exported.onnx, *inputs, "-o", tmp_path / "out", "--tasks", "energy") == 0
    printed = capsys.readouterr()
    assert printed.err.count("minus the event's earliest enter the network") == 1
    assert f"note: {inputs[0]}: the times of 'time' minus" in printed.err
    assert "note: " not in printed.out


def test_options_that_need_one_output_or_many(
    exported: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", exported.onnx, data, "-o", tmp_path / "all.root", "--keep-going") == 2
    assert "expected a folder as the output" in capsys.readouterr().err
    dump = ["--dump-inputs", tmp_path / "events.xec"]
    assert run("predict", exported.onnx, data, "-o", tmp_path / "out", *dump) == 2
    assert "--dump-inputs goes with one output" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == {data}


def test_names_of_outputs(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in ("2024/run1.root", "2025/RUN1.root", "2025/run2.root"))
    assert output_names([a, c]) == {a: "run1.root", c: "run2.root"}
    # Small and capital letters are the same for some file systems.
    assert output_names([a, b, c]) == {a: "2024_run1.root", b: "2025_RUN1.root", c: "run2.root"}
    plain = tmp_path / "rec"
    assert output_names([plain]) == {plain: "rec.root"}
    with pytest.raises(ExportError, match="would both become"):
        output_names([plain, tmp_path / "rec.root"])


def test_names_that_stand_for_folders(tmp_path: Path) -> None:
    (tmp_path / "there.root").mkdir()
    (tmp_path / "file").touch()
    assert is_folder(tmp_path / "there.root")
    assert is_folder(tmp_path / "new")
    assert is_folder(f"{tmp_path}/new.v2/")
    assert not is_folder(tmp_path / "new.root")
    assert not is_folder(tmp_path / "file")
