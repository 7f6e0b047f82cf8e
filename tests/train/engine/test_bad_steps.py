"""Steps without a finite gradient: skipped, counted, and named when they do not end."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from tests.checkpoint_files import read_checkpoint
from torch import Tensor, nn

from xec_models.checkpoint.content import NetworkWeights, TrainingState
from xec_models.checkpoint.writing import new_checkpoint
from xec_train.config.sections import TrainingConfig
from xec_train.config.train_config import TrainConfig
from xec_train.engine.hardware.precision import RawInputs
from xec_train.engine.modules import TrainedModules
from xec_train.engine.optimization.accumulation import with_nonfinite_gradient
from xec_train.engine.optimization.bad_steps import BadStepGuard
from xec_train.engine.optimization.optimizer_step import OptimizerStep
from xec_train.engine.recording import StepRecorder
from xec_train.engine.state import TrainState, build_state, capture, restore
from xec_train.errors import TrainError
from xec_train.processes.group import Processes
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
ALONE = Processes()
OPTIMIZERS = [
    {"optimizer": "adamw"},
    {"optimizer": "schedulefree", "scheduler": "none"},
    {"optimizer": "muon"},
]


class Training:
    """One weight matrix, and steps on the squares of what it makes of given numbers."""

    def __init__(self, fabric: Fabric | None = None, **settings: Any) -> None:
        config = TrainingConfig(**{"lr": 0.1, "epochs": 5, "warmup_epochs": 1, **settings})
        torch.manual_seed(0)
        self.fabric = fabric or Fabric(accelerator="cpu", devices=1)
        self.state: TrainState = build_state(self.fabric, ALONE, TrainedModules(nn.Linear(3, 2)), config, 10)
        self.warnings: list[str] = []
        guard = BadStepGuard(ALONE, config.max_bad_steps, self.warnings.append, Path("bad.csv"))
        self.recorder = StepRecorder(self.state, guard)
        self.optimizer_step = OptimizerStep(self.state.optimizer, self.fabric.strategy.precision)

    def step(self, values: Tensor, **ids: Tensor) -> None:
        self.state.optimizer.zero_grad()
        with self.fabric.autocast():
            result = self.state.model(values)
        loss = result.float().square().mean()
        self.fabric.backward(with_nonfinite_gradient(loss))
        norm = self.fabric.clip_gradients(
            self.state.model, self.state.optimizer, max_norm=1.0, error_if_nonfinite=False
        )
        self.take(norm, [{"loss": loss}], [{"npho": values, **ids}])
        self.state.progress.step += 1

    def take(self, norm: Tensor, losses: list[dict[str, Tensor]], batches: list[dict[str, Tensor]]) -> None:
        self.recorder.complete_pending()
        self.recorder.add(self.optimizer_step.take(norm, losses, batches))

    def capture(self) -> tuple[NetworkWeights, TrainingState]:
        self.recorder.complete_pending()
        return capture(self.state, self.fabric, ALONE)

    def numbers(self) -> list[Any]:
        """Everything that a bad step must leave alone."""
        weights, training = self.capture()
        means = (training.own.loss_sums, training.own.n_events)
        kept = (weights.model, weights.averaged, training.optimizer, training.scheduler)
        return _flat([*kept, training.sampler.batch, *means])


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [x for key in value for x in _flat(value[key])]
    if isinstance(value, list | tuple):
        return [x for item in value for x in _flat(item)]
    return [value.tolist() if isinstance(value, Tensor) else value]


GOOD = torch.arange(12.0).reshape(4, 3) / 10
BAD = GOOD.clone()
BAD[2, 1] = torch.nan


@pytest.mark.parametrize("settings", OPTIMIZERS)
@pytest.mark.parametrize("bad", [BAD, GOOD * torch.inf, GOOD * 1e30])
def test_a_bad_step_changes_nothing(settings: dict[str, Any], bad: Tensor) -> None:
    training = Training(**settings)
    for _ in range(3):
        training.step(GOOD)
    before = training.numbers()
    training.step(bad)
    assert training.numbers() == before
    assert training.state.progress.bad_steps == 1
    assert training.warnings == ["step 4 in epoch 1 is skipped: its loss or gradient is not finite"]


@pytest.mark.parametrize("settings", OPTIMIZERS)
def test_a_training_with_bad_steps_is_the_one_without_them(settings: dict[str, Any]) -> None:
    # Also where bad steps come first, and with the schedule in its warm-up.
    with_bad, without = Training(**settings), Training(**settings)
    for value in (BAD, GOOD, BAD, BAD, GOOD * 2, GOOD, BAD):
        with_bad.step(value)
        if bool(value.isfinite().all()):
            without.step(value)
    assert with_bad.numbers() == without.numbers()
    assert (with_bad.state.progress.bad_steps, without.state.progress.bad_steps) == (4, 0)
    assert with_bad.state.progress.bad_in_a_row == 1


def test_good_steps_between_bad_ones_go_on_for_ever() -> None:
    training = Training(max_bad_steps=2)
    for _ in range(5):
        training.step(BAD)
        training.step(GOOD)
    training.recorder.complete_pending()
    assert training.state.progress.bad_steps == 5


def test_too_many_in_a_row_end_with_the_events() -> None:
    training = Training(max_bad_steps=3)
    ids = {"run": torch.full((4,), 7), "event": torch.tensor([11, 12, 13, 14])}
    training.step(GOOD, **ids)
    for _ in range(3):
        training.step(BAD, **ids)
    with pytest.raises(TrainError, match=r"3 steps in a row .* step 4 in epoch 1, .*run 7, event 13;"):
        training.recorder.complete_pending()
    with Path("bad.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["event"] for row in rows] == ["11", "12", "13", "14"]
    assert {(row["epoch"], row["step"], row["run"], row["loss"]) for row in rows} == {("1", "4", "7", "nan")}


def test_events_without_numbers_leave_no_file() -> None:
    training = Training(max_bad_steps=1)
    training.step(BAD)
    with pytest.raises(TrainError, match="1 steps in a row"):
        training.recorder.complete_pending()
    assert not Path("bad.csv").exists()


def test_only_the_batch_that_did_it_is_named() -> None:
    training = Training(max_bad_steps=1)
    batches = [{"npho": GOOD, "event": torch.tensor([i])} for i in range(3)]
    losses = [{"loss": torch.tensor(value)} for value in (1.0, torch.inf, 2.0)]
    training.take(torch.tensor(torch.nan), losses, batches)
    with pytest.raises(TrainError, match=r"with the events: event 1 \("):
        training.recorder.complete_pending()


_RANK = """
import sys
import torch.distributed as dist
from xec_train.engine.optimization.bad_steps import gather_suspects
from xec_train.processes.group import current_processes

rank, meeting = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
# Only the second process has a loss that is not finite; the first one's gradient became so by the exchange.
first = gather_suspects([{"event": rank, "loss": [1.0, float("nan")][rank]}], current_processes())
second = gather_suspects([{"event": rank, "loss": 1.0}], current_processes())
print([row["event"] for row in first], [row["event"] for row in second])
dist.destroy_process_group()
"""


def test_every_process_learns_of_the_events_of_the_others(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _RANK, str(rank), str(tmp_path / "meeting")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == ["[1] [0, 1]\n"] * 2


def test_a_loss_that_is_not_finite_has_no_finite_gradient() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with_nonfinite_gradient(x + torch.inf).backward()
    assert x.grad is not None
    assert bool(x.grad.isnan())
    x.grad = None
    with_nonfinite_gradient(3 * x).backward()
    assert float(x.grad) == 3


class TestHalfPrecision:
    """Float16 with a scaler, which a CPU can do too."""

    def fabric(self) -> Fabric:
        # Seven powers of two above what the first gradients bear.
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24, growth_interval=4)
        return Fabric(accelerator="cpu", devices=1, plugins=[RawInputs("16-mixed", "cpu", scaler)])

    def test_the_scale_settles_and_the_network_learns(self) -> None:
        training = Training(self.fabric(), epochs=100, warmup_epochs=0)
        first = training.state.network(GOOD).detach().square().mean()
        for _ in range(40):
            training.step(GOOD)
        training.recorder.complete_pending()
        assert 0 < training.state.progress.bad_steps < 20
        assert training.state.network(GOOD).detach().square().mean() < 0.2 * first

    def test_scaler_and_all_else_are_resumed(self) -> None:
        whole, parts = Training(self.fabric()), Training(self.fabric())
        for _ in range(25):
            whole.step(GOOD)
        for _ in range(13):
            parts.step(GOOD)
        weights, training = parts.capture()
        assert training.scaler["scale"] < 2.0**24
        checkpoint = new_checkpoint("regressor", {}, weights, epoch=0, training=training)
        resumed = Training(self.fabric())
        restore(resumed.state, checkpoint, resumed.fabric, ALONE, "checkpoint")
        for _ in range(12):
            resumed.step(GOOD)
        assert resumed.numbers() == whole.numbers()
        assert resumed.capture()[1].scaler == whole.capture()[1].scaler

    def test_the_scaler_skips_bad_steps(self) -> None:
        training = Training(self.fabric())
        for _ in range(20):
            training.step(GOOD)
        before = training.numbers()
        training.step(BAD)
        assert training.numbers() == before


def test_readings_reach_the_network_unrounded() -> None:
    seen: list[Tensor] = []

    class Probe(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return super().forward(x)

    readings = torch.tensor([[1e-8, 70000.0, 1e10]])
    kept = {}
    for precision in (MixedPrecision("bf16-mixed", "cpu"), RawInputs("bf16-mixed", "cpu")):
        fabric = Fabric(accelerator="cpu", devices=1, plugins=[precision])
        result = fabric.setup(Probe(3, 2))(readings)
        kept[type(precision).__name__] = seen.pop()
        assert result.dtype == torch.float32
    assert torch.equal(kept["RawInputs"], readings)
    assert not torch.equal(kept["MixedPrecision"].float(), readings)  # why it is needed


class TestTraining:
    def exploding(self, write_events: Callable[..., Path], n: int = 32) -> tuple[Path, Path]:
        # Positive, so that it passes the check; but the relative deviation from it is infinite.
        energy = np.full(n, 0.05, np.float32)
        energy[19] = 1e-38
        return write_events("train.root", n, energyTruth=energy), write_events("val.root", 8)

    CHANGES = (
        "tasks.angle.enabled=false", "tasks.energy.enabled=true", "tasks.energy.loss_fn=relative_mse",
        "data.batch_size=8", "training.epochs=2", "mlflow.run_name=bad", "checkpoint.save_artifacts=false",
    )  # fmt: skip

    def test_one_event_costs_its_batch_and_no_more(
        self, configure: Configure, write_events: Callable[..., Path]
    ) -> None:
        run = train(configure(*self.CHANGES, files=self.exploding(write_events)))
        with run.metrics.open(newline="") as file:
            rows = [(row["metric"], float(row["value"])) for row in csv.DictReader(file)]
        assert [value for name, value in rows if name == "bad_steps"] == [1, 1]
        assert all(np.isfinite(value) for name, value in rows if name == "train_loss")
        checkpoint = read_checkpoint(run.checkpoint_last)
        assert checkpoint["step"] == 8
        assert checkpoint["scheduler"]["last_epoch"] == 6
        assert all(bool(value.isfinite().all()) for value in checkpoint["ema_model"].values())
        assert not run.bad_events.exists()

    def test_the_run_stops_and_names_the_events(
        self, configure: Configure, write_events: Callable[..., Path]
    ) -> None:
        config = configure(*self.CHANGES, "training.max_bad_steps=1", files=self.exploding(write_events))
        with pytest.raises(TrainError, match=r"run 7, event .*bad_events.csv") as caught:
            train(config)
        assert "training.max_bad_steps" in str(caught.value)
        with Path("artifacts/bad/bad_events.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 8
        assert 19 in [int(row["event"]) for row in rows]
