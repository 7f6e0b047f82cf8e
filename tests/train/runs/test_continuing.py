"""Going on from checkpoints that have less, or for something else; and being stopped from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from torch import nn
from torch.optim import SGD

from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_models.checkpoint.building import load_model
from xec_train.config.sections import TrainingConfig
from xec_train.config.train_config import TrainConfig
from xec_train.engine.optimization.learning_rates import learning_rate
from xec_train.engine.optimization.schedules import Schedule
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
QUICK = ("checkpoint.save_artifacts=false",)
STILL = ("training.lr=1e-12", "training.weight_decay=0", "training.scheduler=none")


def changed(path: Path, name: str, **changes: Any) -> str:
    """A copy of a checkpoint, as a value of the configuration."""
    torch.save({**read_checkpoint(path), **changes}, name)
    return f"checkpoint.resume_from={name}"


class TestWhatIsMissing:
    def test_without_an_average_it_starts_from_the_weights(self, configure: Configure) -> None:
        off = "training.ema_decay=null"
        first = train(configure(*QUICK, off, "training.epochs=1", "mlflow.run_name=first"))
        before = read_checkpoint(first.checkpoint_last)
        assert before["ema_model"] is None
        again = train(configure(*QUICK, *STILL, f"checkpoint.resume_from={first.path}"))
        after = read_checkpoint(again.checkpoint_last)
        assert (after["epoch"], after["ema_updates"]) == (2, before["step"])
        for name, value in before["model"].items():
            torch.testing.assert_close(after["ema_model"][name], value, rtol=1e-4, atol=1e-6)

    def test_an_average_that_is_no_longer_wanted(self, configure: Configure) -> None:
        first = train(configure(*QUICK, "training.epochs=1"))
        again = train(configure(*QUICK, "training.ema_decay=null", f"checkpoint.resume_from={first.path}"))
        after = read_checkpoint(again.checkpoint_last)
        assert after["ema_model"] is None
        name, value = next(iter(load_model(again.checkpoint_last).state_dict().items()))
        assert torch.equal(value, after["model"][name])

    def test_without_the_state_of_the_optimizer_a_new_training_begins_with_all_weights(
        self, configure: Configure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = train(configure(*QUICK, "training.epochs=1", "mlflow.run_name=first"))
        before = read_checkpoint(first.checkpoint_last)
        bare = changed(first.checkpoint_last, "bare.pth", optimizer=None, scheduler={})
        second = train(configure(*QUICK, *STILL, bare, "training.epochs=1", "mlflow.run_name=second"))
        printed = capsys.readouterr().out
        assert "the new training begins with its epoch 1 (it has no optimizer and no scheduler)" in printed
        assert f"loaded: {len(before['ema_model'])} parameters" in printed
        assert "not loaded" not in printed
        assert "random initial values" not in printed
        after = read_checkpoint(second.checkpoint_last)
        assert after["epoch"] == 1
        for name, value in before["ema_model"].items():
            torch.testing.assert_close(after["model"][name], value, rtol=1e-4, atol=1e-6)


def test_other_tasks_take_the_encoder_alone(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    first = train(configure(*QUICK, "training.epochs=1", "mlflow.run_name=first"))
    before = read_checkpoint(first.checkpoint_last)
    second = train(configure(
        *QUICK, *STILL, f"checkpoint.resume_from={first.checkpoint_last}", "mlflow.run_name=second",
        "training.epochs=1", "tasks.energy.enabled=true",
    ))  # fmt: skip
    printed = capsys.readouterr().out
    assert "(its tasks are angle, here angle, energy: only the encoder is loaded)" in printed
    assert "not loaded: " in printed
    after = read_checkpoint(second.checkpoint_last)
    assert after["epoch"] == 1
    assert second.path != first.path
    name = next(name for name in after["model"] if name.startswith("heads.angle") and name.endswith("weight"))
    assert not torch.allclose(after["model"][name], before["ema_model"][name], atol=1e-3)
    for name, value in before["ema_model"].items():
        if name.startswith("encoder."):
            torch.testing.assert_close(after["model"][name], value, rtol=1e-4, atol=1e-6)


def test_another_layout_names_both(configure: Configure) -> None:
    run = train(configure(*QUICK, "training.epochs=1"))
    other = (f"checkpoint.resume_from={run.checkpoint_last}", "model.layout=xec-ml-wl")
    for more in ((), ("tasks.energy.enabled=true",)):
        with pytest.raises(TrainError, match=r"model\.layout is xec-ml-wl, there physical"):
            train(configure(*QUICK, *other, *more))


# MLflow's tables use what SQLAlchemy deprecates.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_of_its_own_on_the_tracking_server(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    changes = (*QUICK, "mlflow.enabled=true", "mlflow.run_name=tracked")
    run = train(configure(*changes, "training.epochs=1"))
    last = f"checkpoint.resume_from={run.checkpoint_last}"
    for epochs, new in ((2, "false"), (3, "true")):
        train(configure(*changes, last, f"training.epochs={epochs}", f"checkpoint.new_mlflow_run={new}"))

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("xec")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["attribute.start_time"])
    histories = [client.get_metric_history(found.info.run_id, "val_loss") for found in runs]
    assert [len(history) for history in histories] == [2, 1]
    assert read_checkpoint(run.checkpoint_last)["mlflow_run_id"] in {None, runs[1].info.run_id}


class TestSchedule:
    """A schedule that restarts, or finds itself with other epochs than before."""

    STEPS = 4

    def schedule(self, steps: int = STEPS, **settings: Any) -> Schedule:
        config = TrainingConfig(**{"epochs": 6, "warmup_epochs": 1, "lr": 0.1, **settings})
        return Schedule(SGD(nn.Linear(1, 1).parameters(), lr=0.1), config, steps)

    def rates(self, schedule: Schedule, n: int) -> list[float]:
        rates = []
        for _ in range(n):
            rates.append(schedule.rate)
            schedule._steps.optimizer.step()
            schedule.step()
        return rates

    @pytest.mark.parametrize("name", ["cosine", "onecycle", "plateau", "none"])
    def test_refreshed_it_is_the_one_of_the_epochs_that_remain(self, name: str) -> None:
        schedule = self.schedule(scheduler=name)
        self.rates(schedule, 2 * self.STEPS)
        schedule.restart(2)
        remaining = TrainingConfig(epochs=4, warmup_epochs=1, lr=0.1, scheduler=name)
        expected = learning_rate(remaining, self.STEPS)
        steps = [expected(step) for step in range(4 * self.STEPS)]
        assert self.rates(schedule, 4 * self.STEPS) == pytest.approx(steps)
        # Interrupted and resumed, it is still that one.
        schedule.restart(2)
        self.rates(schedule, 3)
        resumed = self.schedule(scheduler=name)
        resumed.load_state_dict(schedule.state_dict())
        assert self.rates(resumed, 5) == pytest.approx(steps[3:8])

    def test_refreshed_a_plateau_forgets_what_it_was_lowered_by(self) -> None:
        schedule = self.schedule(scheduler="plateau", lr_patience=0, lr_factor=0.5, warmup_epochs=0)
        for loss in (1.0, 2.0, 2.0):
            self.rates(schedule, self.STEPS)
            schedule.end_epoch(loss)
        assert schedule.rate == pytest.approx(0.025)
        schedule.restart(3)
        assert schedule.rate == pytest.approx(0.1)
        schedule.end_epoch(5.0)
        assert schedule.rate == pytest.approx(0.1)

    @pytest.mark.parametrize("name", ["cosine", "onecycle", "plateau"])
    def test_with_other_steps_to_an_epoch_it_stays_at_the_same_time(self, name: str) -> None:
        before = self.schedule(scheduler=name)
        self.rates(before, 3 * self.STEPS)
        after = self.schedule(steps=2 * self.STEPS, scheduler=name)
        after.load_state_dict(before.state_dict())
        whole = self.schedule(steps=2 * self.STEPS, scheduler=name)
        expected = self.rates(whole, 6 * 2 * self.STEPS)
        assert self.rates(after, 3 * 2 * self.STEPS) == pytest.approx(expected[3 * 2 * self.STEPS :])

    def test_an_epoch_begun_anew_has_its_own_rates(self) -> None:
        schedule = self.schedule()
        first = self.rates(schedule, 2 * self.STEPS)
        schedule.begin_epoch(1)
        assert self.rates(schedule, self.STEPS) == first[self.STEPS :]


@pytest.mark.parametrize(
    ("number", "more"),
    [
        (signal.SIGUSR1, ()),
        # A group of one process, which a launcher need not have started.
        (signal.SIGTERM, ("distributed.strategy=ddp",)),
        (signal.SIGINT, ()),
    ],
)
def test_a_process_that_gets_a_signal_says_how_to_go_on(
    configure: Configure, small: tuple[str, ...], number: signal.Signals, more: tuple[str, ...]
) -> None:
    configure()  # writes run.yaml
    xec = Path(sys.executable).with_name("xec")
    changes = (*small, *QUICK, *more, "training.epochs=500", "mlflow.run_name=stopped")
    alone = [change for change in changes if changes.count(change) == 1 and "epochs=2" not in change]
    with subprocess.Popen(
        [xec, "train", "run.yaml", *alone], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch "):
                process.send_signal(number)
                break
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert f"{number.name}: stopping after this step" in errors
    assert "xec: error" not in errors
    last = Path("artifacts/stopped/checkpoint_last.pth")
    said = printed.splitlines()[-1].split()
    assert said == ["xec", "train", "artifacts/stopped/config.yaml", f"checkpoint.resume_from={last}"]
    assert 1 <= read_checkpoint(last)["epoch"] < 500
