"""Reconstructed readings: read from files and runs, and drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting.numbers import by_face
from xec_analysis.reconstruction.events import load_reconstruction, reconstruction_file
from xec_analysis.reconstruction.pages import draw_reconstruction
from xec_analysis.runs.run_artifact import plot_run
from xec_data.reading.columns import read_columns
from xec_geometry import FACES, N_SENSORS
from xec_geometry.cli.application import main
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.errors import RunDirectoryError

Columns = dict[str, np.ndarray]

METRICS = """epoch,step,metric,value,timestamp
1,100,train_loss,2.5,2026-01-01T00:00:00
1,100,val_loss,2.6,2026-01-01T00:00:00
1,100,loss_inner,1.6,2026-01-01T00:00:00
1,100,rmse_inner_npho,30,2026-01-01T00:00:00
"""


@pytest.fixture(scope="module")
def columns(events_file: Path) -> Columns:
    """Ten events, a third of whose sensors are hidden; photons 10 % too high, times 1 ns late."""
    raw = {name: x[:10] for name, x in read_columns(events_file).items()}
    npho, time = raw["npho"], raw["relative_time"]
    valid = np.abs(npho) < 9e9
    mask = (np.random.default_rng(0).random(npho.shape) < 0.33) & valid
    no_time = np.abs(time) > 9e9
    return {
        "run": raw["run"],
        "event": raw["event"],
        "mask": mask.astype(np.uint8),
        "truth_npho": npho,
        "pred_npho": np.where(valid, 1.1 * npho, 5.0).astype(np.float32),
        "error_npho": np.where(valid, 0.1 * npho, np.nan).astype(np.float32),
        "truth_time": time,
        "pred_time": np.where(no_time, 0.0, time + 1e-9).astype(np.float32),
        "error_time": np.where(no_time, np.nan, 1e-9).astype(np.float32),
    }


@pytest.fixture
def run(tmp_path: Path, columns: Columns, write_tree: Callable[..., Path]) -> RunDirectory:
    folder = tmp_path / "mae_1"
    folder.mkdir()
    (folder / "config.yaml").write_text("objective: mae\n")
    (folder / "metrics.csv").write_text(METRICS)
    run = RunDirectory(folder)
    write_tree(run.reconstruction, columns)
    return run


def test_what_is_read(run: RunDirectory, columns: Columns) -> None:
    reconstruction = load_reconstruction(run.reconstruction, run.name)
    assert reconstruction.channels == ("npho", "time")
    assert len(reconstruction) == 10
    hidden = columns["mask"].astype(bool)
    np.testing.assert_array_equal(reconstruction.judged("npho"), hidden)
    np.testing.assert_array_equal(reconstruction.judged("time"), hidden & (columns["truth_time"] < 9e9))
    assert not (np.abs(reconstruction.truth["npho"]) > 9e9).any()
    for channel in reconstruction.channels:
        judged = reconstruction.judged(channel)
        expected = columns[f"error_{channel}"][judged]
        np.testing.assert_allclose(reconstruction.error(channel)[judged], expected, rtol=1e-2, atol=1e-12)


def test_numbers_of_the_hidden_sensors(run: RunDirectory, columns: Columns) -> None:
    rows = {
        (row.quantity, row.group): row for row in by_face(load_reconstruction(run.reconstruction).readings())
    }
    assert {group for _, group in rows} == {*FACES, "all"}
    everything = rows["npho", "all"]
    hidden = columns["mask"].astype(bool)
    assert everything.count == hidden.sum()
    assert everything.bias == pytest.approx(0.1 * columns["truth_npho"][hidden].mean(dtype=float), rel=1e-4)
    assert rows["time", "all"].bias == pytest.approx(1000, rel=1e-4)
    assert rows["time", "all"].rmse == pytest.approx(1000, rel=1e-4)


def test_files_are_told_apart(run: RunDirectory, events_file: Path, tmp_path: Path) -> None:
    assert reconstruction_file(run.path) == reconstruction_file(run.reconstruction) == run.reconstruction
    assert reconstruction_file(events_file) is None
    assert reconstruction_file(tmp_path / "table.csv") is None
    assert reconstruction_file(tmp_path) is None


def test_photons_alone(columns: Columns, write_tree: Callable[..., Path], tmp_path: Path) -> None:
    """Without times and numbers of events; the one picture of each kind is still drawn."""
    file = write_tree(
        tmp_path / "r.root", {name: columns[name] for name in ("mask", "truth_npho", "pred_npho")}
    )
    reconstruction = load_reconstruction(file)
    assert reconstruction.channels == ("npho",)
    assert reconstruction.event.tolist() == [-1] * 10
    names = sorted(path.name for path in draw_reconstruction(reconstruction, tmp_path, "png"))
    assert names == [
        "reconstruction_against_npho_r.png",
        "reconstruction_errors_npho_r.png",
        *(f"reconstruction_event_{number}_npho_r.png" for number in (1, 2, 3)),
    ]


def test_the_events_drawn_are_the_typical_and_the_worst(
    columns: Columns, write_tree: Callable[..., Path], tmp_path: Path, written_texts: list[list[str]]
) -> None:
    changed: dict[str, Any] = {name: columns[name].copy() for name in ("mask", "truth_npho", "pred_npho")}
    changed["pred_npho"][7] *= 2
    changed["event"] = np.arange(100, 110, dtype=np.int32)
    changed["run"] = np.full(10, 5, np.int32)
    changed["mask"][4] = 0
    file = write_tree(tmp_path / "r.root", changed)
    draw_reconstruction(load_reconstruction(file), tmp_path, "png")
    pages = [texts for texts in written_texts if any("sensors hidden" in text for text in texts)]
    assert len(pages) == 3
    assert any("run 5 event 107" in text for text in pages[-1])
    assert any("the worst event" in text for text in pages[-1])
    assert not any("event 104" in text for page in pages for text in page)
    hidden = int(changed["mask"][7].sum())
    assert any(f"{hidden} of {N_SENSORS} sensors hidden" in text for text in pages[-1])


def test_nothing_hidden(columns: Columns, write_tree: Callable[..., Path], tmp_path: Path) -> None:
    nothing = {"mask": np.zeros_like(columns["mask"])}
    file = write_tree(tmp_path / "r.root", columns | nothing)
    with pytest.raises(AnalysisError, match="r: no sensor with a valid reading is hidden in 10 events"):
        draw_reconstruction(load_reconstruction(file), tmp_path)


def test_branches_of_another_length(
    columns: Columns, write_tree: Callable[..., Path], tmp_path: Path
) -> None:
    short = {name: columns[name][:, :7] for name in ("mask", "truth_npho", "pred_npho")}
    file = write_tree(tmp_path / "r.root", short)
    with pytest.raises(
        AnalysisError, match=rf"branch 'mask' has entries of shape \(7,\); expected \({N_SENSORS},\)"
    ):
        load_reconstruction(file)


@pytest.fixture
def one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of events take time: only the worst one."""
    monkeypatch.setattr("xec_analysis.reconstruction.pages._EVENTS", {1.0: "the worst event"})


@pytest.mark.usefixtures("one_event")
def test_at_the_end_of_a_training(run: RunDirectory) -> None:
    paths = plot_run(run.path)
    names = {path.name for path in paths}
    assert len(paths) == 2 + 1 + 2 + 1
    assert {"training_curves_mae_1.pdf", "reconstruction_event_1_time_mae_1.pdf"} <= names
    assert sorted(run.plots.iterdir()) == sorted(paths)


@pytest.mark.parametrize("objective", ["mae", "inpainting"])
def test_a_training_without_reconstructed_events(run: RunDirectory, objective: str) -> None:
    run.config.write_text(f"objective: {objective}\n")
    run.reconstruction.unlink()
    assert [path.name for path in plot_run(run.path)] == ["training_curves_mae_1.pdf"]
    run.metrics.unlink()
    assert plot_run(run.path) == []


def test_a_configuration_that_cannot_be_read(run: RunDirectory) -> None:
    run.config.write_text("objective: [mae\n")
    with pytest.raises(RunDirectoryError, match=r"config\.yaml: not a YAML file"):
        plot_run(run.path)


def plot(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["plot", *map(str, arguments)])
    printed = capsys.readouterr()
    return int(end.value.code or 0), printed.out, printed.err


@pytest.mark.usefixtures("one_event")
def test_the_plot_command(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = plot(capsys, run.path, "-f", "png")
    assert code == 0
    assert "mae_1, hidden sensors of 10 events: npho: estimate − truth, in photons" in out
    assert "time: estimate − truth, in ps" in out
    assert (run.plots / "reconstruction_errors_time_mae_1.png").is_file()
    code, _, err = plot(capsys, run.path, "--task", "energy")
    assert code == 2
    assert "holds reconstructed readings, no tasks" in err
    run.reconstruction.unlink()
    code, out, _ = plot(capsys, run.path, "-f", "png")
    assert code == 0
    assert "note: no reconstruction_mae_1.root in this run; checkpoint.save_predictions writes it" in out
    assert "training_curves_mae_1.png" in out
