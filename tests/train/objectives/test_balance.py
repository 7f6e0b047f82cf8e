"""Weights of the tasks that are learnt: the formula, its minimum, and a training with them."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable

import pytest
import torch
from tests.checkpoint_files import read_checkpoint

from xec_models.checkpoint.building import load_model
from xec_models.losses.balance import loss_weights, total_loss
from xec_train.config.train_config import TrainConfig
from xec_train.engine.modules import TrainedModules
from xec_train.engine.optimization.optimizers import build_optimizer
from xec_train.errors import TrainError
from xec_train.regression.objective import Regression
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
TWO = ("tasks.energy.enabled=true", "loss_balance=auto")


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def test_by_hand() -> None:
    losses = {"angle": number(6.0), "energy": number(0.5)}
    log_variances = {"angle": torch.tensor([math.log(4.0)], dtype=torch.float64)}
    # L/(2σ²) + ln σ with σ = 2, and a task whose weight is not learnt.
    expected = 3.0 * (6.0 / 8.0 + math.log(2.0)) + 2.0 * 0.5
    total = total_loss(losses, {"angle": 3.0, "energy": 2.0}, log_variances)
    assert float(total) == pytest.approx(expected, rel=1e-12)


def test_gradient() -> None:
    losses, s = torch.rand(2, dtype=torch.float64) + 0.5, torch.randn(2, 1, dtype=torch.float64)

    def total(loss: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        named = {"a": loss[0], "b": loss[1]}
        return total_loss(named, {"a": 1.0, "b": 0.3}, {"a": log_variance[0], "b": log_variance[1]})

    assert torch.autograd.gradcheck(total, (losses.requires_grad_(), s.requires_grad_()))


def test_the_variance_that_is_learnt_is_the_loss() -> None:
    s = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([s], lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        total_loss({"a": number(0.02)}, {"a": 1.0}, {"a": s}).backward()
        optimizer.step()
    assert float(s.detach().exp()) == pytest.approx(0.02, rel=1e-3)
    assert loss_weights({"a": 1.0}, {"a": s})["a"] == pytest.approx(25.0, rel=1e-3)


def test_learnt_without_decay(configure: Configure) -> None:
    config = configure(*TWO)
    objective = Regression(config)
    modules = TrainedModules(objective.build_network(), objective.learned)
    groups = build_optimizer(modules, config.training).param_groups
    free = {id(p) for group in groups if group["weight_decay"] == 0.0 for p in group["params"]}
    assert {id(p) for p in objective.learned.parameters()} <= free
    assert list(objective.learned.log_variances) == ["angle", "energy"]
    # Older checkpoints number them last.
    assert [id(p) for p in groups[-1]["params"][-2:]] == [id(p) for p in objective.learned.parameters()]


def test_a_likelihood_has_a_variance_of_its_own(configure: Configure) -> None:
    objective = Regression(configure(*TWO, "tasks.energy.loss_fn=gaussian_nll"))
    assert list(objective.learned.log_variances) == ["angle"]


def test_manual_has_no_parameters(configure: Configure) -> None:
    objective = Regression(configure("tasks.energy.enabled=true"))
    assert not list(objective.learned.parameters())
    assert objective.report.figures(objective.build_network(), objective.learned) == {}


def test_a_training(configure: Configure) -> None:
    run = train(configure(*TWO, "training.lr=0.05"))
    checkpoint = read_checkpoint(run.checkpoint_last)
    learnt = {task: checkpoint["objective"][f"log_variances.{task}"] for task in ("angle", "energy")}
    assert all(float(value) != 0.0 for value in learnt.values())
    with run.metrics.open(newline="") as file:
        logged = {row["metric"]: float(row["value"]) for row in csv.DictReader(file)}
    for task, value in learnt.items():
        assert logged[f"loss_weight_{task}"] == pytest.approx(0.5 * math.exp(-float(value)))
    assert run.validation_results.exists()
    load_model(run.checkpoint_best)
    with pytest.raises(TrainError, match="loss_balance is manual, there auto"):
        train(configure("tasks.energy.enabled=true", f"checkpoint.resume_from={run.path}"))
