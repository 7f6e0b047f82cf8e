"""A training with a time limit, from configuration to files, and its resumption."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.checkpoint_files import read_checkpoint
from torch import Tensor

from xec_models.checkpoint.building import load_model
from xec_train.config.train_config import TrainConfig
from xec_train.engine.time_limit import TimeLimit
from xec_train.engine.train_loop import TrainLoop
from xec_train.regression.objective import Regression
from xec_train.runs.training import LargerWork, run_training, train

Configure = Callable[..., TrainConfig]
# 16 steps an epoch.
LIMITED = ("data.batch_size=4", "training.epochs=50", "checkpoint.save_artifacts=false", "mlflow.run_name=a")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a batch of training puts forward by a second, one of validation by 0.4 s."""
    now = [1000.0]
    forward = Regression.forward

    def slow(objective: Regression, network: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        now[0] += 1.0 if network.training else 0.4
        return forward(objective, network, batch)

    monkeypatch.setattr(Regression, "forward", slow)
    monkeypatch.setattr("xec_train.runs.training.TimeLimit", partial(TimeLimit, clock=lambda: now[0]))
    return now


def test_minutes_are_used_up_over_several_starts(
    configure: Configure, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(configure(*LIMITED, "training.max_minutes=1"))
    printed = capsys.readouterr().out
    first = read_checkpoint(run.checkpoint_last)
    assert 44 <= clock[0] - 1000 == first["timing"]["seconds"] <= 60
    assert first["epoch"] == -(-first["step"] // 16)
    assert f"were enough for {first['step'] / 16:.3g} of 50 epochs" in printed
    assert f"done: epoch {first['epoch']}, " in printed

    # The time between is none of the training.
    clock[0] += 1e5
    resume = ("checkpoint.resume_from=auto", "training.max_minutes=2")
    train(configure(*LIMITED, *resume))
    second = read_checkpoint(run.checkpoint_last)
    assert 100 <= second["timing"]["seconds"] <= 123
    assert second["step"] > first["step"] + 25
    # Its schedule had ended.
    assert first["scheduler"]["last_epoch"] == pytest.approx(50 * 16, abs=1.5)
    assert second["scheduler"]["last_epoch"] == pytest.approx(50 * 16, abs=1.5)

    # Without any left, results alone are written.
    before = clock[0]
    train(configure(*LIMITED, "checkpoint.resume_from=auto", "training.max_minutes=1"))
    assert clock[0] == before
    assert "were enough for" in capsys.readouterr().out.rpartition("continuing ")[2]


def test_a_network_of_the_last_cut_epoch_is_written(configure: Configure, clock: list[float]) -> None:
    run = train(configure(*LIMITED, "training.max_minutes=0.8", "checkpoint.save_artifacts=true"))
    checkpoint = read_checkpoint(run.checkpoint_last)
    assert checkpoint["step"] % 16
    assert run.checkpoint_best.exists()
    assert run.predictions("angle").exists()
    assert clock[0] - 1000 <= 48


def test_a_hook_keeps_networks_at_moments_of_the_training(
    configure: Configure, clock: list[float], tmp_path: Path
) -> None:
    kept: list[float] = []

    def keep(loop: TrainLoop) -> bool:
        if loop.state.progress.step in (5, 20):
            with loop.time_limit.paused():
                clock[0] += 100
                assert loop.writer is not None
                loop.complete_pending()
                loop.writer.save_weights(loop.state, tmp_path / f"{len(kept)}.pth")
            kept.append(loop.time_limit.used)
        return False

    config = configure(*LIMITED, "training.max_minutes=0.8")
    run = run_training(config, larger=LargerWork(after_step=keep)).run
    last = read_checkpoint(run.checkpoint_last)
    assert last["timing"]["seconds"] == clock[0] - 1200 <= 48
    first, second = (read_checkpoint(tmp_path / f"{k}.pth") for k in range(2))
    # What the hook takes does not count: neither as time, nor as time of a step.
    assert kept == [pytest.approx(5), pytest.approx(20 + 0.4 * 6)]
    assert last["step"] > 30
    assert "optimizer" not in first
    names = [name for name, value in last["model"].items() if value.is_floating_point()]
    assert any(bool((first["model"][name] != second["model"][name]).any()) for name in names)
    load_model(tmp_path / "0.pth")


@pytest.mark.usefixtures("clock")
def test_without_the_limit_the_schedule_is_that_of_all_epochs(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(configure(*LIMITED, "training.scheduler=cosine", "training.max_minutes=1"))
    first = read_checkpoint(run.checkpoint_last)
    more = ("checkpoint.resume_from=auto", "training.epochs=52", "training.scheduler=cosine")
    changes = [change for change in LIMITED if not change.startswith("training.epochs")]
    with pytest.MonkeyPatch.context() as patch:
        # One epoch more is enough to see where it goes on.
        patch.setattr("xec_train.engine.train_loop.TrainLoop._validate", lambda _: None)
        train(configure(*changes, *more))
    assert "the time limit of the checkpoint is gone" in capsys.readouterr().out
    second = read_checkpoint(run.checkpoint_last)
    assert second["scheduler"]["pace"] == 1.0
    assert second["scheduler"]["last_epoch"] == (first["epoch"] + 1) * 16


def test_every_objective_takes_the_key(configure: Configure) -> None:
    assert configure("training.max_minutes=2.5").training.max_minutes == 2.5
