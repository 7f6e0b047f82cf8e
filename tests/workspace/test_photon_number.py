"""The number of photons, from simulated pile-up to the table of a classification."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.shallow import make_networks_shallow

from xec_data import read_columns
from xec_geometry.cli.application import main

SMALL = [
    "model.encoder_dim=64", "model.outer_fine_pool=[3,3]", "model.num_fusion_layers=1", "model.hidden_dim=16",
    "data.batch_size=16", "data.num_workers=0", "training.epochs=1", "training.warmup_epochs=0",
    "training.ema_decay=null", "mlflow.enabled=false", "mlflow.run_name=number",
    "export.onnx=null",
]  # fmt: skip


def run(*command: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(part) for part in command])
    return int(end.value.code or 0)


pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    make_networks_shallow(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert run("data", "simulate", "events.root", "-n", 64, "--photons", "0:4", "--point", "-j", 1) == 0
    (tmp_path / "c.yaml").write_text("data: {train_path: events.root, val_path: events.root}\n")
    return tmp_path


def test_it_is_learned_predicted_and_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "c.yaml", "--tasks", "n_gamma", *SMALL) == 0
    checkpoint = folder / "artifacts" / "number" / "checkpoint_last.pth"
    assert run("predict", checkpoint, "events.root", "-o", "predictions.root") == 0
    capsys.readouterr()
    assert run("plot", "predictions.root", "-o", "plots", "-f", "png") == 0
    printed = capsys.readouterr().out
    found = read_columns(folder / "predictions.root")
    right = (found["pred_n_gamma"] == found["n_gamma"]).mean()
    assert f"n_gamma: {100 * right:.1f} ± " in printed
    assert "of 64 events right" in printed
    assert "efficiency" in printed
    assert (folder / "plots" / "resolution_profile_n_gamma_predictions.png").stat().st_size > 0

    drawn = {path.name for path in (folder / "artifacts/number/plots").iterdir()}
    assert {"resolution_profile_n_gamma_number.pdf", "training_curves_number.pdf"} <= drawn
    with (folder / "artifacts/number/metrics.csv").open(newline="") as file:
        values = {row["metric"]: float(row["value"]) for row in csv.DictReader(file) if row["value"]}
    # The run has the network of its last epoch, whose validation events these are.
    assert values["n_gamma_accuracy"] == pytest.approx(right)


@pytest.mark.usefixtures("folder")
def test_other_tasks_name_what_they_lack(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "c.yaml", "--tasks", "energy", *SMALL) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "events.root, branch 'energyTruth': entry " in error
    assert "(no value, as in events of 0 photons)" in error
