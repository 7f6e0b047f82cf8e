"""Training of a line: an objective of a few numbers, and a loop whose files and trackers are in memory."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from xec_train.config.sections import TrainingConfig
from xec_train.engine.display import Display
from xec_train.engine.interruption import Interruption
from xec_train.engine.modules import TrainedModules
from xec_train.engine.state import build_state
from xec_train.engine.time_limit import Clock, TimeLimit
from xec_train.engine.train_loop import TrainLoop
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.base import Objective
from xec_train.objectives.report import Factors, Predictions, Report
from xec_train.processes.group import Processes


class LineReport(Report[nn.Linear]):
    """How far from the line it is."""

    headlines: Mapping[str, str] = {"quality": "cm"}

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        return {"quality": float(abs(predictions.outputs["y"] - predictions.events["y"]).mean())}

    def factors(self, predictions: Predictions) -> tuple[Factors, Factors]:
        return {"y": [float(len(predictions.outputs["y"]))]}, {}

    def figures(self, network: nn.Linear, learned: LearnedWeights) -> dict[str, float]:
        return {"slope": float(network.weight.detach().sum())}


class Line(Objective[nn.Linear]):
    """An objective: y = w·x by least squares."""

    truth_branches = ("y",)

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale, self.report = scale, LineReport()

    def build_network(self) -> nn.Linear:
        return nn.Linear(3, 1)

    def forward(self, network: nn.Linear, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"y": network(batch["npho"])}

    def losses(
        self, network: nn.Linear, raw: Mapping[str, Tensor], batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        return {"loss": self.scale * (raw["y"] - batch["y"]).square().mean()}

    def outputs(self, network: nn.Linear, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(raw)


@dataclass
class Memory:
    """A loader, a checkpoint writer and a tracker that keep everything in memory."""

    sizes: tuple[int, ...] = (8, 8, 3)
    logged: list[dict[str, float]] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    due: bool = False

    def __len__(self) -> int:
        return len(self.sizes)

    def epoch(self, _epoch: int = 0, first_batch: int = 0) -> Generator[dict[str, Tensor], None, None]:
        generator = torch.Generator().manual_seed(4)
        x = torch.randn(sum(self.sizes), 3, generator=generator)
        y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
        for part in list(zip(x.split(self.sizes), y.split(self.sizes), strict=True))[first_batch:]:
            yield {"npho": part[0], "y": part[1]}

    def log(self, metrics: Mapping[str, float], _epoch: int, _step: int) -> None:
        self.logged.append(dict(metrics))

    def save_last(self, _state: Any) -> None:
        self.saved.append("last")

    def save_epoch(self, _state: Any, best: bool) -> None:
        self.saved.append("best" if best else "last")


def loop(
    memory: Memory,
    objective: Line | None = None,
    *,
    clock: Clock = time.monotonic,
    validation: Memory | None = None,
    **settings: Any,
) -> TrainLoop:
    """A loop over the events of a memory, validated on those of another one."""
    config = TrainingConfig(**{"lr": 0.05, "warmup_epochs": 0, "ema_decay": None, **settings})
    torch.manual_seed(0)
    made = objective or Line()
    network = made.build_network()
    fabric = Fabric(accelerator="cpu", devices=1)
    alone = Processes()
    state = build_state(
        fabric, alone, TrainedModules(network), config, -(-len(memory) // config.grad_accum_steps)
    )
    parts: Any = memory
    others: Any = validation or memory
    limit = TimeLimit(config.max_minutes, clock)
    return TrainLoop(
        fabric, alone, made, state, parts, others, config, parts, parts, Display(), Interruption(), limit
    )
