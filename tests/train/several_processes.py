"""Trains what a list of jobs says, alone or under torchrun: ``python several_processes.py JOBS.json``.

Each process writes what it has seen of every job to ``<job>.<rank>.json``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.shallow import make_networks_shallow
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import SGD, AdamW

from xec_data.errors import DataError
from xec_geometry.errors import XecError
from xec_models.reconstruction.masking import event_scores
from xec_train.config.loading import load_config
from xec_train.engine.time_limit import TimeLimit
from xec_train.engine.train_loop import TrainLoop
from xec_train.objectives.table import build_objective
from xec_train.processes.group import current_processes
from xec_train.reconstruction.objective import MASK, Reconstruction
from xec_train.runs.profiling import profile_training
from xec_train.runs.training import train


def run_job(job: dict[str, Any], patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Train, without anything that is random, and tell what happened here."""
    seen: list[list[tuple[int, int]]] = []
    now = [0.0]
    gradients: list[Tensor] = []
    held: list[int] = []
    config = load_config(job["config"], [f"mlflow.run_name={job['name']}", *job["changes"]]).config
    kind: Any = type(build_objective(config))
    build, augment, forward, step = kind.build_network, kind.augment, kind.forward, TrainLoop.step
    rank = int(os.environ.get("RANK", "0"))

    def built(objective: Any) -> nn.Module:
        network: Any = build(objective)
        if job.get("double"):
            # All but the scale of the outputs, so that losses are what they are.
            network.double().targets.float()
        return network if job.get("random") else network.eval()

    def in_double(objective: Any, network: Any, batch: dict[str, Tensor]) -> Any:
        readings = {name: batch[name].double() for name in ("npho", "time")}
        return forward(objective, network, {**batch, **readings})

    def watched(objective: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append(list(zip(batch["run"].tolist(), batch["event"].tolist(), strict=True)))
        changed: dict[str, Tensor] = augment(objective, batch)
        if issubclass(kind, Reconstruction) and not job.get("random"):
            changed[MASK] = objective.draw(batch, event_scores(batch["npho"]))
        return changed

    def stepping(loop: TrainLoop, window: Any) -> Tensor:
        if job.get("signal") == [rank, loop.state.progress.step]:
            signal.raise_signal(signal.SIGTERM)
        norm = step(loop, window)
        now[0] += job.get("seconds", (0.0, 0.0))[rank]
        if "held" in job:
            averages = loop.state.ema.module if loop.state.ema else loop.state.network
            held[:] = [_held(loop.state.network.parameters()), _held(averages.parameters())]
        if not gradients:
            parts = [_whole(p.grad).flatten() for p in loop.state.network.parameters() if p.grad is not None]
            gradients.append(torch.cat(parts).clone())
        return norm

    def unreadable(*_: Any, **__: Any) -> Any:
        raise DataError("train.root: cannot be read here")

    patch.setattr("xec_train.runs.artifacts.entry_points", lambda **_: [])
    patch.setattr(kind, "build_network", built)
    if job.get("double"):
        patch.setattr(kind, "forward", in_double)
    patch.setattr(kind, "augment", watched)
    patch.setattr(TrainLoop, "step", stepping)
    if "seconds" in job:
        # A step takes so many seconds by the clock of each process.
        clock = partial(TimeLimit, clock=lambda: now[0])
        patch.setattr("xec_train.runs.training.TimeLimit", clock)
    if not job.get("random"):
        # AdamW makes a whole step of a gradient that is zero but for rounding.
        patch.setattr(
            "xec_train.engine.state.build_optimizer",
            lambda net, config, **_: SGD(net.parameters(), config.lr),
        )
    if "eps" in job:
        patch.setattr("torch.optim.AdamW", partial(AdamW, eps=job["eps"]))
    if job.get("unreadable_in") == rank:
        patch.setattr("xec_train.runs.preparation.open_events", unreadable)
    error = None
    try:
        if "profile" in job:
            profile_training(config, job["profile"])
        else:
            train(config)
    except XecError as caught:
        error = f"{type(caught).__name__}: {caught}"
    if gradients and rank == 0:
        torch.save(gradients[0], f"{job['name']}.gradient.pt")
    return {"error": error, "seen": seen, "is_distributed": current_processes().is_distributed, "held": held}


def _held(tensors: Iterable[Tensor]) -> int:
    return sum((t.to_local() if isinstance(t, DTensor) else t).numel() for t in tensors)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def main() -> None:
    """Do all jobs of a file."""
    for job in json.loads(Path(sys.argv[1]).read_text()):
        with pytest.MonkeyPatch.context() as patch:
            make_networks_shallow(patch)
            told = run_job(job, patch)
        Path(f"{job.get('report', job['name'])}.{current_processes().rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
