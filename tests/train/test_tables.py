"""Entries that are added to the tables at run time: the configuration takes them, and training uses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from xec_geometry import N_SENSORS
from xec_geometry.support.registry import Registry
from xec_models.losses import LOSSES, Loss
from xec_train import ConfigError, load_config, template
from xec_train.objectives.table import build_objective

SMALL = """\
data: {train_path: a.root, val_path: b.root}
model: {encoder_dim: 32, hidden_dim: 8, num_fusion_layers: 0, outer_fine_pool: [3, 3]}
"""


@contextmanager
def added(table: Registry[Any], entry: Any) -> Iterator[None]:
    table.register(entry)
    try:
        yield
    finally:
        table.unregister(entry.name)


def losses_of_a_step(path: Path, *settings: str) -> dict[str, Tensor]:
    """The losses before and after one step on four events, of what a file configures."""
    torch.manual_seed(0)
    objective = build_objective(load_config(path, list(settings)).config)
    network = objective.build_network()
    batch = {"npho": torch.rand(4, N_SENSORS) * 1e3, "time": torch.rand(4, N_SENSORS) * 1e-7}
    batch["energyTruth"] = torch.rand(4) + 0.02
    objective.prepare(network, {"energyTruth": batch["energyTruth"].numpy()})
    losses = objective.losses(network, objective.forward(network, batch), batch)
    losses["loss"].backward()
    assert any(bool(p.grad.any()) for p in network.parameters() if p.grad is not None)
    return losses


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "run.yaml"
    file.write_text(SMALL)
    return file


ENERGY = ("tasks.angle.enabled=false", "tasks.energy.enabled=true")


def log_cosh(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    return beta * torch.log(torch.cosh((prediction - target) / beta))


LOG_COSH = Loss(
    "log_cosh", log_cosh, "standardized", lambda task: task.positive, "β ln cosh(d/β)", beta="width",
    beta_positive=True, for_readings=True,
)  # fmt: skip


def test_a_loss_is_one_entry(path: Path) -> None:
    chosen = (*ENERGY, "tasks.energy.loss_fn=log_cosh")
    with pytest.raises(ConfigError, match=r"tasks\.energy\.loss_fn: found 'log_cosh', expected one of"):
        load_config(path, chosen)
    with added(LOSSES, LOG_COSH):
        assert losses_of_a_step(path, *chosen)["loss_energy"] > 0
        with pytest.raises(ConfigError, match=r"energy\.loss_beta is 0, expected a number > 0"):
            load_config(path, [*chosen, "tasks.energy.loss_beta=0"])
        with pytest.raises(ConfigError, match=r"tasks\.timing\.loss_fn: found 'log_cosh'"):
            load_config(path, ["tasks.timing.loss_fn=log_cosh"])
        mae = load_config(path, ["objective=mae", "training.loss_fn=log_cosh"]).config
        assert mae.training.loss_fn == "log_cosh"
        assert "relative_mse, gaussian_nll, log_cosh" in template()
        assert "huber, log_cosh" in template("mae")


def test_a_default_loss_that_nobody_wrote_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOSSES, "_entries", {name: loss for name, loss in LOSSES.items() if name != "l1"})
    with pytest.raises(ConfigError, match=r"energy\.loss_fn: unknown loss 'l1'.*expected one of smooth_l1"):
        load_config(path, list(ENERGY))


@pytest.mark.parametrize("objective", ["regression", "mae", "inpainting"])
def test_the_comments_of_a_new_file_all_begin_alike(objective: str) -> None:
    lines = [line.strip() for line in template(objective).splitlines()[2:]]
    behind = [line.rsplit("  # ", 1)[1] for line in lines if "  # " in line]
    # Of a comment of several lines, the first.
    above = [b[2:] for a, b in pairwise(lines) if b.startswith("# ") and "  # " not in b and a[:2] != "# "]
    assert len(behind) > 20
    assert len(above) > 20
    assert not [comment for comment in [*behind, *above] if not comment[0].isupper()]
