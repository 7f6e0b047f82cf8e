"""Predicted uncertainties over a training: measured, corrected in the checkpoint, carried on."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from torch import nn

from xec_data.reading.columns import read_columns
from xec_data.reading.reader import EventReader
from xec_data.tasks.table import TASKS as TASK_TABLE
from xec_models.checkpoint.building import load_model
from xec_models.regressor.metrics import pull_width
from xec_train.config.train_config import TrainConfig
from xec_train.regression.objective import Regression
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
TASKS = ("--tasks=energy", "tasks.energy.loss_fn=gaussian_nll", "training.epochs=1")


@pytest.fixture
def overconfident(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that claim widths twenty times too small."""
    original = Regression.prepare

    def prepare(objective: Regression, network: nn.Module, truth: object) -> None:
        original(objective, network, truth)
        with torch.no_grad():
            network.heads["energy"][-1].bias[1] -= 2 * math.log(20.0)

    monkeypatch.setattr(Regression, "prepare", prepare)


@pytest.mark.usefixtures("overconfident")
def test_wrong_widths_are_corrected(configure: Configure, event_files: tuple[Path, Path]) -> None:
    run = train(configure(*TASKS, "training.lr=1e-5"))
    with run.metrics.open(newline="") as file:
        logged = {row["metric"]: float(row["value"]) for row in csv.DictReader(file)}
    # What is logged is what the network says by itself.
    assert logged["energy_pull_width"] > 5.0
    assert logged["energy_sigma_ratio"] < 0.2
    checkpoint = read_checkpoint(run.checkpoint_best)
    assert checkpoint["sigma_factors"]["energy"] == pytest.approx([logged["energy_pull_width"]])

    events = EventReader(event_files[1], ["npho", "time", "energyTruth"])
    chunk = events.read(events.shards[0])
    with torch.inference_mode():
        outputs = load_model(run.checkpoint_best)(chunk["npho"], chunk["time"])
    residual = outputs["energy"][:, 0].numpy() - chunk["energyTruth"]
    assert pull_width(residual, outputs["energy_sigma"][:, 0].numpy()) == pytest.approx(1.0, rel=1e-3)
    # The files of the run are written with the correction as well.
    results = read_columns(run.validation_results)
    np.testing.assert_allclose(results["sigma_energy"], outputs["energy_sigma"][:, 0], rtol=1e-3)


@pytest.mark.parametrize("loss", ["student_t", "gaussian_nll"])
def test_directions_have_a_corrected_width_for_each_angle(configure: Configure, loss: str) -> None:
    run = train(configure(f"tasks.angle.loss_fn={loss}", "training.epochs=1"))
    results = read_columns(run.validation_results)
    for output, column in zip(TASK_TABLE["angle"].outputs, results["emiAng"].T, strict=True):
        residual = output.difference(results[f"pred_{output.name}"], column)
        assert pull_width(residual, results[f"sigma_{output.name}"]) == pytest.approx(1.0, rel=1e-3)
    with run.predictions("angle").open(newline="") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["sigma_phi"]) for row in rows], results["sigma_phi"], rtol=1e-5)
    assert len(read_checkpoint(run.checkpoint_best)["sigma_factors"]["angle"]) == 2


@pytest.mark.usefixtures("overconfident")
def test_resumed_is_uninterrupted_with_learnt_weights_of_the_tasks_too(configure: Configure) -> None:
    quick = (
        "tasks.energy.enabled=true", "tasks.energy.loss_fn=gaussian_nll", "loss_balance=auto",
        "training.warmup_epochs=0", "training.scheduler=none", "checkpoint.save_artifacts=false",
    )  # fmt: skip
    whole = train(configure(*quick, "mlflow.run_name=whole", "training.epochs=2"))
    parts = train(configure(*quick, "mlflow.run_name=parts", "training.epochs=1"))
    before = read_checkpoint(parts.checkpoint_last)["sigma_factors"]
    train(configure(*quick, f"checkpoint.resume_from={parts.path}", "training.epochs=2"))
    first, second = (read_checkpoint(run.checkpoint_last) for run in (whole, parts))
    assert first["sigma_factors"] == second["sigma_factors"] != before
    assert list(first["objective"]) == ["log_variances.angle"]
    for key in ("model", "ema_model", "objective", "ema_objective"):
        assert all(torch.equal(value, second[key][name]) for name, value in first[key].items())
