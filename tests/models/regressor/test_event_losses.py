"""Losses of single events from predictions: those of the raw outputs that gave the predictions."""

from __future__ import annotations

import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_models.config.network import RegressorConfig, TaskConfig
from xec_models.errors import ModelError
from xec_models.losses.balance import total_loss
from xec_models.losses.table import LOSSES, losses_for
from xec_models.regressor.event_losses import loss_of_predictions, task_loss
from xec_models.regressor.regressor import XECRegressor, anchor_key

REGRESSIONS = [
    (name, loss)
    for name, spec in TASKS.items()
    for loss in losses_for(spec)
    if not spec.n_classes and not spec.unit_vector
]
N = 5


def network_for(task: str, loss: str, anchor: str = "none") -> XECRegressor:
    torch.manual_seed(3)
    size = {"encoder_dim": 64, "hidden_dim": 8, "outer_fine_pool": (3, 3), "num_fusion_layers": 0}
    model = RegressorConfig.model_validate({**size, "anchor": anchor, "window": None})
    return XECRegressor(model, {task: TaskConfig(loss_fn=loss)}, NormalizationConfig()).double()


@pytest.mark.parametrize(("task", "loss"), REGRESSIONS)
def test_the_loss_is_that_of_the_outputs(task: str, loss: str) -> None:
    network = network_for(task, loss)
    truth = torch.rand(N, TASKS[task].n_outputs, dtype=torch.float64) + 1.5
    network.fit_targets({task: truth.numpy()})
    columns = TASKS[task].n_outputs * (2 if LOSSES[loss].predicts_sigma else 1)
    raw = 0.3 * torch.randn(N, columns, dtype=torch.float64)
    outputs = network.to_physical({task: raw})
    again = loss_of_predictions(network, task, outputs[task], truth, outputs.get(f"{task}_sigma"))
    torch.testing.assert_close(again, task_loss(network, task, {task: raw}, truth), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("task", "loss"), [("energy", "gaussian_nll"), ("uvwFI", "smooth_l1")])
def test_whatever_the_anchor_was(task: str, loss: str) -> None:
    network = network_for(task, loss, "light")
    truth = torch.rand(N, TASKS[task].n_outputs, dtype=torch.float64) + 1.5
    anchor = truth * 1.1
    network.target_scale(task).fit_residuals(truth, anchor * torch.linspace(0.9, 1.1, N).double()[:, None])
    columns = TASKS[task].n_outputs * (2 if LOSSES[loss].predicts_sigma else 1)
    raw = {task: 0.3 * torch.randn(N, columns, dtype=torch.float64), anchor_key(task): anchor}
    outputs = network.to_physical(raw)
    again = loss_of_predictions(network, task, outputs[task], truth, outputs.get(f"{task}_sigma"))
    torch.testing.assert_close(again, task_loss(network, task, raw, truth), rtol=1e-4, atol=1e-6)


def test_what_is_no_number_has_no_loss() -> None:
    network = network_for("energy", "l1")
    truth = torch.tensor([[1.0], [2.0], [torch.nan]], dtype=torch.float64)
    prediction = torch.tensor([[2.0], [torch.nan], [2.0]], dtype=torch.float64)
    loss = loss_of_predictions(network, "energy", prediction, truth)
    assert loss.isnan().tolist() == [False, True, True]
    assert float(loss[0]) == pytest.approx(1.0)


def test_losses_need_what_their_formula_needs() -> None:
    values = torch.ones(2, 1, dtype=torch.float64)
    with pytest.raises(ModelError, match="no uncertainties; the loss gaussian_nll needs them"):
        loss_of_predictions(network_for("energy", "gaussian_nll"), "energy", values, values)
    with pytest.raises(ModelError, match="a class tells no loss"):
        loss_of_predictions(network_for("n_gamma", "cross_entropy"), "n_gamma", values, values)


def test_the_total_of_events_is_added_event_by_event() -> None:
    losses = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([10.0, 20.0])}
    total = total_loss(losses, {"a": 2.0, "b": 0.5}, {"b": torch.tensor([0.0])})
    torch.testing.assert_close(total, torch.tensor([2.0 + 0.5 * 5.0, 6.0 + 0.5 * 10.0]))
