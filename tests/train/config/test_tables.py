"""Entries that are added to the tables at run time: the configuration takes them, and training uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.train.made_up import events_with
from torch import Tensor

from xec_data import INVALID, SCHEMES, NphoTransform, Scheme
from xec_data.tasks.table import RECONSTRUCTIONS
from xec_geometry import N_SENSORS
from xec_geometry.support.registry import Registry
from xec_models.blocks.hex_operators import HEX_OPERATORS, HexOperator
from xec_models.checkpoint.kinds import MODEL_KINDS
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.position_encodings import POSITION_ENCODINGS, PositionEncoding
from xec_models.encoder.stems import STEMS, Stem
from xec_models.losses.table import LOSSES, Loss
from xec_train import ConfigError, load_config, template
from xec_train.config.keys import all_keys, choices
from xec_train.config.sections import TrainingConfig
from xec_train.config.template import json_schema
from xec_train.config.train_config import RegressionConfig
from xec_train.engine.optimization.learning_rates import SCHEDULES, LearningRate, LearningRateSchedule
from xec_train.engine.optimization.optimizers import OPTIMIZERS, Groups, OptimizerChoice, build_optimizer
from xec_train.engine.optimization.schedules import Schedule
from xec_train.objectives.table import OBJECTIVES, ObjectiveEntry, build_objective
from xec_train.regression.objective import Regression

SMALL = """\
data: {train_path: a.root, val_path: b.root}
model: {encoder_dim: 64, hidden_dim: 8, num_fusion_layers: 0, outer_fine_pool: [3, 3]}
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
    objective.prepare(network, events_with({"energyTruth": batch["energyTruth"].numpy()}))
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
        assert "gaussian_nll, student_t, log_cosh" in template().replace("\n    # ", " ")
        assert "huber, log_cosh" in template("mae")


def test_a_default_loss_that_nobody_wrote_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOSSES, "_entries", {name: loss for name, loss in LOSSES.items() if name != "l1"})
    with pytest.raises(ConfigError, match=r"energy\.loss_fn: unknown loss 'l1'.*expected one of smooth_l1"):
        load_config(path, list(ENERGY))


ASINH = Scheme(
    "asinh", "asinh(x/s₁)/s₂", "all x", uses_scale2=True,
    forward=lambda xp, x, s1, s2: xp.asinh(x / s1) / s2,
    inverse=lambda xp, y, s1, s2: xp.sinh(y * s2) * s1,
)  # fmt: skip


def test_a_scheme_is_one_entry_for_numpy_and_torch(path: Path) -> None:
    chosen = [*ENERGY, "normalization.npho_scheme=asinh"]
    with pytest.raises(ConfigError, match=r"npho_scheme: found 'asinh', expected one of log1p, anscombe"):
        load_config(path, chosen)
    with added(SCHEMES, ASINH):
        config = load_config(path, chosen).config.normalization
        npho = np.array([[-3e3, -1.0, 0.0, 3.5, 8e4, INVALID, np.nan]], dtype=np.float32)
        transform, normalizer = NphoTransform(config), Normalizer(config)
        readings = (torch.tensor(npho), torch.zeros(npho.shape))
        normalized = normalizer(*readings)[..., 0]
        np.testing.assert_allclose(transform.forward(npho), normalized, rtol=1e-6)
        np.testing.assert_allclose(transform.inverse(transform.forward(npho[:, :5])), npho[:, :5], rtol=1e-5)
        np.testing.assert_allclose(normalizer.photons(normalized)[:, :5], npho[:, :5], rtol=1e-5)
        exported = torch.export.export(normalizer, readings).module()
        assert torch.equal(exported(*readings)[..., 0], normalized)
        losses_of_a_step(path, *chosen)
        assert "linear (x/s₁), asinh (asinh(x/s₁)/s₂)" in template().replace("\n  #", "")


def linear_decay(config: TrainingConfig, _steps_per_epoch: int) -> LearningRate:
    return lambda epoch: config.lr + (config.lr_min - config.lr) * epoch / config.epochs


def test_a_schedule_is_one_entry(path: Path) -> None:
    chosen = ["training.scheduler=linear", "training.warmup_epochs=0", "training.epochs=4", "training.lr=1"]
    with pytest.raises(ConfigError, match=r"training\.scheduler: found 'linear', expected one of cosine"):
        load_config(path, chosen)
    with added(SCHEDULES, LearningRateSchedule("linear", linear_decay, "a line to lr_min", ("lr_min",))):
        with pytest.raises(ConfigError, match="lr_min is 2, expected at most lr, 1"):
            load_config(path, [*chosen, "training.lr_min=2"])
        config = load_config(path, [*chosen, "training.lr_min=0"]).config.training
        optimizer = build_optimizer(torch.nn.Linear(1, 1), config)
        schedule, rates = Schedule(optimizer, config, 1), []
        for _ in range(4):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert rates == pytest.approx([1, 0.75, 0.5, 0.25])
        text = template().replace("\n  # ", " ")
        assert "linear (a line to lr_min)" in text
        assert "Smallest learning rate; used by cosine, cosine_restarts, plateau, linear" in text


def test_an_optimizer_is_one_entry(path: Path) -> None:
    def descent(groups: Groups, config: TrainingConfig, _fused: bool) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=config.lr)

    chosen = ["training.optimizer=sgd", "training.scheduler=onecycle"]
    with pytest.raises(ConfigError, match=r"training\.optimizer: found 'sgd', expected one of adamw"):
        load_config(path, chosen)
    with added(OPTIMIZERS, OptimizerChoice("sgd", descent, "plain descent", schedules=("none", "cosine"))):
        with pytest.raises(ConfigError, match="scheduler is 'onecycle', expected 'none' or 'cosine' because"):
            load_config(path, chosen)
        config = load_config(path, chosen[:1]).config.training
        assert isinstance(build_optimizer(torch.nn.Linear(1, 1), config), torch.optim.SGD)


class Nothing(torch.nn.Module):
    def __init__(self, faces: tuple[str, ...], dim: int, _layout: str, _geometry: object) -> None:
        super().__init__()
        self.shape = (1, len(faces), dim)

    def forward(self) -> Tensor:
        return torch.zeros(self.shape)


def test_parts_of_a_network_are_one_entry_each(path: Path) -> None:
    chosen = ["model.hex_conv=alone", "model.position=nothing", "model.stem=cell", *ENERGY]
    with pytest.raises(ConfigError) as error:
        load_config(path, chosen)
    assert "model.hex_conv: found 'alone', expected one of depthwise, attention" in str(error.value)
    assert "model.position: found 'nothing', expected one of learnable, sinusoidal" in str(error.value)
    assert "model.stem: found 'cell', expected one of dense, patch" in str(error.value)
    alone = HexOperator("alone", lambda dim, _layout: torch.nn.Linear(dim, dim), "each sensor for itself")
    nothing = PositionEncoding("nothing", Nothing, "the faces in any order")
    cell = Stem("cell", torch.nn.Linear, lambda cells: cells, "each cell for itself")
    with added(HEX_OPERATORS, alone), added(POSITION_ENCODINGS, nothing), added(STEMS, cell):
        losses_of_a_step(path, *chosen)
        assert "alone (each sensor for itself)" in template().replace("\n  # ", " ")


def test_the_schema_explains_choices_as_the_file_does() -> None:
    training = json_schema()["$defs"]["TrainingConfig"]["properties"]
    assert "onecycle (up from lr to max_lr and down again)" in training["scheduler"]["description"]
    assert training["max_lr"]["description"].endswith("; used by onecycle")
    energy = json_schema()["$defs"]["EnergyTaskConfig"]["properties"]
    assert "exponent of gaussian_nll" in energy["loss_beta"]["description"]


def test_every_choice_is_in_the_file_and_in_the_schema() -> None:
    schema = json.dumps(json_schema())
    for objective in OBJECTIVES:
        text = template(objective)
        for key in all_keys(objective):
            words = choices(key, objective)
            if len(words) > 1:
                assert json.dumps(list(words)) in schema or json.dumps(list(words))[1:-1] in schema, key
                assert all(word in text for word in words), key
        assert "log_transform" not in text.replace("log_transform: false            # Learn", "")


@pytest.mark.parametrize("objective", ["regression", "mae", "inpainting"])
def test_the_comments_of_a_new_file_all_begin_alike(objective: str) -> None:
    lines = [line.strip() for line in template(objective).splitlines()[2:]]
    behind = [line.rsplit("  # ", 1)[1] for line in lines if "  # " in line]
    # Of a comment of several lines, the first.
    above = [b[2:] for a, b in pairwise(lines) if b.startswith("# ") and "  # " not in b and a[:2] != "# "]
    assert len(behind) > 20
    assert len(above) > 20
    assert not [comment for comment in [*behind, *above] if not comment[0].isupper()]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_trains_the_network_that_its_entry_names(path: Path, name: str) -> None:
    path.write_text("data: {train_path: a.root, val_path: b.root}\n")
    config = load_config(path, [f"objective={name}", "model.encoder_dim=64"]).config
    assert type(config) is OBJECTIVES[name].config_class
    network: Any = build_objective(config).build_network()
    assert network.kind == OBJECTIVES[name].network_kind
    assert MODEL_KINDS[network.kind].network is type(network)


def test_objectives_without_tasks_are_those_that_data_knows() -> None:
    """`xec data check` says for which of them files can be used."""
    without = [name for name, entry in OBJECTIVES.items() if "tasks" not in entry.config_class.model_fields]
    assert tuple(without) == RECONSTRUCTIONS


def test_an_objective_is_one_entry(path: Path) -> None:
    class Again(RegressionConfig):
        """The configuration of the added objective."""

    entry = ObjectiveEntry("again", "once more", "regressor", lambda: Again, lambda: Regression)
    with added(OBJECTIVES, entry):
        config = load_config(path, ["objective=again"]).config
        assert type(config) is Again
        assert isinstance(build_objective(config), Regression)
        assert "again (once more)" in template()
    with pytest.raises(ConfigError, match="objective: found 'again', expected one of regression, mae"):
        load_config(path, ["objective=again"])
