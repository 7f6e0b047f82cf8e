"""Each loss against a number worked out by hand, and its gradient against differences."""

from __future__ import annotations

import math

import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_models.config.network import ModelConfig, TaskConfig
from xec_models.losses.functions import gaussian_nll
from xec_models.losses.table import LOSSES, losses_for
from xec_models.regressor.event_losses import task_loss
from xec_models.regressor.regressor import XECRegressor

# name: prediction, target, beta, expected loss of each event
BY_HAND = {
    "smooth_l1": ([[0.5, 3.0]], [[0.0, 0.0]], 2.0, [(0.5 * 0.25 / 2 + (3 - 1)) / 2]),
    "huber": ([[0.5, 3.0]], [[0.0, 0.0]], 2.0, [(0.5 * 0.25 + 2 * (3 - 1)) / 2]),
    "l1": ([[1.0, -2.0], [0.0, 0.0]], [[0.0, 0.0], [4.0, 1.0]], 1.0, [1.5, 2.5]),
    "mse": ([[1.0, -2.0], [0.0, 0.0]], [[0.0, 0.0], [4.0, 1.0]], 1.0, [2.5, 8.5]),
    "relative_l1": ([[1.5], [3.0]], [[2.0], [2.0]], 1.0, [0.25, 0.5]),
    "relative_smooth_l1": ([[1.5], [3.0]], [[2.0], [2.0]], 0.4, [0.5 * 0.0625 / 0.4, 0.5 - 0.2]),
    "relative_mse": ([[1.5], [3.0]], [[2.0], [2.0]], 1.0, [0.0625, 0.25]),
    "cosine": ([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0]], [[0.0, 0.0, 5.0], [3.0, 0.0, 0.0]], 1.0,
               [1.0, 1 - math.sqrt(0.5)]),
    "gaussian_nll": ([[1.0, math.log(4.0)]], [[3.0]], 0.5, [0.5 * (math.log(4.0) + 4 / 4) * 2.0]),
    # ν = 1 is the Lorentz curve 1/(π(1 + d²)), whose −ln is taken without ½ ln 2π.
    "student_t": ([[1.0, 0.0]], [[3.0]], 1.0, [math.log(math.pi * 5) - 0.5 * math.log(2 * math.pi)]),
    "cross_entropy": ([[0.0, math.log(2.0), math.log(5.0)]], [[1.0]], 1.0, [-math.log(2 / 8)]),
}  # fmt: skip


def test_every_loss_has_a_value_worked_out_by_hand() -> None:
    assert set(BY_HAND) == set(LOSSES)


@pytest.mark.parametrize("name", BY_HAND)
def test_value(name: str) -> None:
    prediction, target, beta, expected = BY_HAND[name]
    prediction, target = torch.tensor(prediction), torch.tensor(target)
    loss = LOSSES[name].per_event(prediction, target, beta)
    torch.testing.assert_close(loss, torch.tensor(expected), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", sorted(set(BY_HAND) - {"cross_entropy"}))
def test_gradient(name: str) -> None:
    torch.manual_seed(1)
    columns = 4 if LOSSES[name].predicts_sigma else 2
    prediction = torch.randn(5, columns, dtype=torch.float64, requires_grad=True)
    target = torch.rand(5, 2, dtype=torch.float64) + 1.5
    # With beta = 0 the likelihood has no part that is kept from the gradient on purpose.
    beta = 0.0 if name == "gaussian_nll" else 0.7
    assert torch.autograd.gradcheck(lambda p: LOSSES[name].per_event(p, target, beta), (prediction,))


def test_gradient_of_cross_entropy() -> None:
    torch.manual_seed(1)
    logits = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    classes = torch.tensor([[0], [4], [2], [2], [1], [3]])
    assert torch.autograd.gradcheck(lambda p: LOSSES["cross_entropy"].per_event(p, classes, 1.0), (logits,))


@pytest.mark.parametrize(
    ("task", "loss"), [(name, loss) for name, spec in TASKS.items() for loss in losses_for(spec)]
)
def test_gradient_through_the_spaces_of_every_task(task: str, loss: str) -> None:
    """From the output of a head to the number that is minimized, whatever lies between."""
    torch.manual_seed(2)
    spec, n = TASKS[task], 4
    network = XECRegressor(
        ModelConfig(encoder_dim=64, hidden_dim=8, outer_fine_pool=(3, 3), num_fusion_layers=0),
        {task: TaskConfig(loss_fn=loss, loss_beta=0.0 if loss == "gaussian_nll" else 0.7)},
        NormalizationConfig(),
    ).double()
    truth = torch.rand(n, len(spec.output_names), dtype=torch.float64) + 1.5
    if spec.n_classes:
        truth = torch.arange(n)[:, None]
    network.fit_targets({task: truth.numpy()})
    columns = spec.n_outputs * (2 if LOSSES[loss].predicts_sigma else 1)
    raw = torch.randn(n, columns, dtype=torch.float64, requires_grad=True)

    def minimized(values: torch.Tensor) -> torch.Tensor:
        return task_loss(network, task, {task: values}, truth).mean()

    assert torch.autograd.gradcheck(minimized, (raw,))


def test_gradient_of_cross_entropy_is_probability_minus_truth() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    LOSSES["cross_entropy"].per_event(logits, torch.tensor([[2]]), 1.0).sum().backward()
    expected = torch.softmax(logits.detach(), dim=1) - torch.tensor([[0.0, 0.0, 1.0]])
    torch.testing.assert_close(logits.grad, expected)


def test_beta_weights_the_likelihood_but_gets_no_gradient() -> None:
    prediction = torch.tensor([[0.0, math.log(9.0)]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[2.0]], dtype=torch.float64)
    (plain,) = torch.autograd.grad(gaussian_nll(prediction, target, 0.0).sum(), prediction)
    (weighted,) = torch.autograd.grad(gaussian_nll(prediction, target, 0.5).sum(), prediction)
    torch.testing.assert_close(weighted, plain * 3.0)
