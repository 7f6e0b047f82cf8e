"""From a training to the pages of its worst events and of its saliency."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.shallow import make_networks_shallow

from xec_analysis.plots.source import PlotSource
from xec_data import read_columns
from xec_geometry.cli.application import main

SMALL = [
    "model.encoder_dim=64",
    "model.outer_fine_pool=[9,12]",
    "model.num_fusion_layers=1",
    "model.hidden_dim=16",
    "data.batch_size=16",
    "data.num_workers=0",
    "training.epochs=1",
    "training.warmup_epochs=0",
    "training.ema_decay=null",
    "mlflow.enabled=false",
    "mlflow.run_name=small",
    "loss_balance=auto",
    "tasks.energy.loss_fn=gaussian_nll",
    "export.onnx=null",
]

pytestmark = pytest.mark.slow


def run(*command: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(part) for part in command])
    return int(end.value.code or 0)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    make_networks_shallow(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert run("data", "simulate", "events.root", "-n", 32, "--energy", "0.02:0.06", "-j", 1) == 0
    (tmp_path / "c.yaml").write_text("data: {train_path: events.root, val_path: events.root}\n")
    assert run("train", "c.yaml", "--tasks", "energy", "uvwFI", *SMALL) == 0
    return tmp_path / "artifacts" / "small"


def test_worst_events_and_saliency(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Losses of events are those that the training minimizes.
    found = read_columns(trained / "validation_results_small.root")
    with (trained / "metrics.csv").open(newline="") as file:
        logged = {row["metric"]: float(row["value"]) for row in csv.DictReader(file) if row["value"]}
    for column, metric in (("loss", "val_loss"), ("loss_energy", "val_loss_energy")):
        assert found[column].mean() == pytest.approx(logged[metric], rel=1e-4)
    worst = int(found["event"][np.argmax(found["loss"])])
    drawn = {path.name for path in (trained / "plots").iterdir()}
    assert {f"worst_event_{number}_small.pdf" for number in (1, 2, 3)} <= drawn
    capsys.readouterr()

    assert run("plot", trained, "--saliency", 2, "-o", "pages", "-f", "svg") == 0
    printed = capsys.readouterr().out
    assert "Worst events by the loss of the training:" in printed
    page = Path("pages/worst_event_1_small.svg").read_text()
    assert f"event {worst} " in page
    assert "attention [%], fusion layer 1" in page
    assert "energy (gaussian_nll) " in page
    names = {path.name for path in Path("pages").iterdir()}
    assert {"saliency_shares_small.csv", "saliency_map_w_small.svg", "attention_small.svg"} <= names
    with Path("pages/saliency_shares_small.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    of_energy = [float(row["share_integrated"]) for row in rows if row["output"] == "energy"]
    assert sum(of_energy) == pytest.approx(1)
    # What integrated gradients have to add up to.
    assert max(float(row["missed"]) for row in rows) < 0.05

    # A run that was copied without its checkpoints.
    (trained / "checkpoint_best.pth").unlink()
    (note,) = PlotSource(trained).worst_events.notes
    assert note.startswith("no attention beside the worst events: ")
