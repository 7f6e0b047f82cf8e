"""Trainings of networks with an anchor: its calibration, what the run tells, events without light."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.train.recorded import metrics

from xec_data.reading.reader import EventReader
from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import load_model
from xec_models.regressor.regressor import XECRegressor
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
TASKS = ("tasks.energy.enabled=true", "tasks.uvwFI.enabled=true", "training.epochs=1")
ANCHORED = (*TASKS, "model.anchor=light", "model.window=[8, 8]", "model.inner_pool=[31, 11]")
QUICK = ("checkpoint.save_artifacts=false",)


def test_the_checkpoint_is_never_worse_than_the_anchor(
    configure: Configure, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A learning rate that only harms: what the network adds is withheld, and the training says so."""
    harmful = ("training.lr=5", "training.scheduler=none", "training.ema_decay=null")
    run = train(configure(*ANCHORED, *QUICK, *harmful))
    assert "not better than the anchor, whose value the checkpoint gives: " in capsys.readouterr().out
    network = load_model(run.checkpoint_last, kind=XECRegressor)
    assert network.anchor is not None
    with EventReader(event_files[1], ("npho", "time"), chunk_size=100) as reader:
        (chunk,) = reader
    with torch.inference_mode():
        out = network(chunk["npho"], chunk["time"])
        raw = network.forward_standardized(chunk["npho"], chunk["time"])
    withheld = network.target_scale("energy").residual_factor == 0
    assert withheld.all()
    torch.testing.assert_close(out["energy"], raw["anchor.energy"], rtol=1e-6, atol=0)
    # Validation is of the network itself; the width of the anchor stands beside it.
    numbers = metrics(run)
    assert numbers["anchor_energy_res_68pct"][0] < numbers["energy_res_68pct"][0]


def test_what_it_adds_stays_where_it_is_no_worse(configure: Configure) -> None:
    run = train(configure(*ANCHORED, *QUICK, "training.lr=1e-9", "training.scheduler=none"))
    network = load_model(run.checkpoint_last, kind=XECRegressor)
    assert all((network.target_scale(task).residual_factor == 1).all() for task in network.tasks)


def test_events_without_light_do_not_spoil_the_others(
    configure: Configure, write_events: Callable[..., Path]
) -> None:
    def events(name: str, n: int) -> Path:
        rng = np.random.default_rng(n)
        npho = rng.gamma(1.0, 500.0, (n, N_SENSORS)).astype(np.float32)
        time = rng.uniform(0, 1e-8, (n, N_SENSORS)).astype(np.float32)
        npho[3], time[5] = INVALID, INVALID
        return write_events(name, n, npho=npho, relative_time=time, timeTruth=np.zeros(n, np.float32))

    files = events("train.root", 64), events("val.root", 16)
    run = train(configure(*ANCHORED, *QUICK, "tasks.timing.enabled=true", files=files))
    numbers = metrics(run)
    for name in ("train_loss", "val_loss", "energy_res_68pct", "timing_res_68pct", "uvw_u_res_68pct"):
        assert np.isfinite(numbers[name]).all(), name
    assert numbers["bad_steps"] == [0.0]


def test_truth_that_the_anchor_needs(configure: Configure, write_events: Callable[..., Path]) -> None:
    files = write_events("train.root", 64), write_events("val.root", 16)
    with pytest.raises(
        TrainError, match=r"files have no timeTruth \(model.anchor: none needs none of them\)"
    ):
        train(configure(*ANCHORED, files=files))


def test_another_anchor_leaves_the_encoder(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    plain = train(configure(*TASKS, *QUICK, "mlflow.run_name=plain"))
    last = f"checkpoint.resume_from={plain.checkpoint_last}"
    anchored: tuple[Any, ...] = (*TASKS, "model.anchor=light", *QUICK, last)
    train(configure(*anchored, "checkpoint.reset_epoch=true", "mlflow.run_name=anchored"))
    printed = capsys.readouterr().out
    assert "its model.anchor is none, here light: only the encoder is loaded" in printed
    assert "not loaded: " in printed
    with pytest.raises(TrainError, match=r"model\.anchor is light, there none"):
        train(configure(*anchored, "training.epochs=2"))


def test_an_energy_of_zero_has_no_logarithm(configure: Configure, write_events: Callable[..., Path]) -> None:
    energy = np.full(64, 0.05, np.float32)
    energy[7] = 0.0
    file = write_events("train.root", 64, energyTruth=energy, timeTruth=np.zeros(64, np.float32))
    with pytest.raises(TrainError, match=r"smallest value is 0; .* because of model\.anchor: light"):
        train(configure(*ANCHORED, files=(file, file)))


def test_too_few_events_to_calibrate_with(configure: Configure, write_events: Callable[..., Path]) -> None:
    file = write_events("few.root", 20, timeTruth=np.zeros(20, np.float32))
    with pytest.raises(TrainError, match=r"^model.anchor: light: 20 of 20 .*few.root \(model.anchor: none"):
        train(configure(*ANCHORED, files=(file, file)))
