"""The likelihood of Student's t: against scipy's density, at its limits, and on data with tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from xec_data.tasks.table import TASKS
from xec_models.losses.functions import LOG_VARIANCE_LIMIT, bounded_log_variance, gaussian_nll, student_t
from xec_models.losses.table import LOSSES, losses_for
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH, half_width_68, pull_width, sigma_factors

HALF_LN_2PI = 0.5 * math.log(2 * math.pi)


def grid(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Means with log variances, and targets."""
    generator = torch.Generator().manual_seed(0)
    prediction = (torch.randn(500, 6, generator=generator, dtype=torch.float64) * 2).clamp(-4.0, 4.0)
    target = torch.randn(500, 3, generator=generator, dtype=torch.float64) * 5
    return prediction.to(dtype), target.to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-5)])
@pytest.mark.parametrize("nu", [0.5, 1.0, 4.0, 30.0])
def test_closed_form(nu: float, dtype: torch.dtype, tolerance: float) -> None:
    prediction, target = grid(dtype)
    mean, log_variance = (values.double().numpy() for values in prediction.chunk(2, dim=1))
    expected = -stats.t.logpdf(target.double().numpy(), nu, mean, np.exp(log_variance / 2)) - HALF_LN_2PI
    np.testing.assert_allclose(student_t(prediction, target, nu), expected, rtol=tolerance, atol=tolerance)


def test_many_degrees_of_freedom_are_a_gaussian() -> None:
    prediction, target = grid(torch.float64)
    prediction[:, 3:] = prediction[:, 3:].clamp(-2.0, 2.0)
    normal = gaussian_nll(prediction, target, 0.0)
    near, nearer = (float((student_t(prediction, target, nu) - normal).abs().max()) for nu in (1e6, 1e8))
    # The difference is pull⁴/(4ν) to first order.
    assert near == pytest.approx(100 * nearer, rel=0.05)
    pull = (target - prediction[:, :3]) * (-0.5 * prediction[:, 3:]).exp()
    assert near == pytest.approx(float(pull.pow(4).max()) / 4e6, rel=0.05)


def test_the_limit_leaves_usual_widths_alone() -> None:
    raw = torch.linspace(-7.0, 7.0, 200)
    torch.testing.assert_close(bounded_log_variance(raw), raw, rtol=0, atol=1e-4)
    far = bounded_log_variance(torch.tensor([-1e8, -40.0, 40.0, 1e8]))
    limit = LOG_VARIANCE_LIMIT
    torch.testing.assert_close(far, torch.tensor([-limit, -limit, limit, limit]), rtol=0, atol=1e-5)
    many = bounded_log_variance(torch.linspace(-16.0, 16.0, 2000, dtype=torch.float64))
    assert bool((many.diff() > 0).all())


@pytest.mark.parametrize("log_variance", [-1e30, -200.0, -12.0, 0.0, 12.0, 200.0, 1e30])
@pytest.mark.parametrize("deviation", [0.0, 1e-30, 1.0, 1e4, 1e15])
def test_gradients_stay_finite(deviation: float, log_variance: float) -> None:
    prediction = torch.tensor([[deviation, log_variance]], requires_grad=True)
    loss = student_t(prediction, torch.zeros(1, 1), 4.0).sum()
    loss.backward()
    assert prediction.grad is not None
    assert loss.isfinite()
    assert bool(prediction.grad.isfinite().all())
    # The largest pull on the mean is (ν + 1)/(2√ν σ), that on ln σ² is ν/2.
    assert prediction.grad.abs().max() <= 1.25 * math.exp(LOG_VARIANCE_LIMIT / 2) + 1e-3


def fitted(name: str, beta: float, values: NDArray[np.float64]) -> tuple[float, float]:
    """Location and scale that a loss is smallest at."""
    outputs = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    target, loss = torch.tensor(values[:, None]), LOSSES[name]
    optimizer = torch.optim.LBFGS([outputs], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        total = loss.per_event(outputs.expand(len(target), 2), target, beta).mean()
        total.backward()
        return total

    optimizer.step(closure)
    mean, log_variance = outputs.detach()[0]
    return float(mean), float((0.5 * loss.log_variance(log_variance)).exp())


def test_location_and_scale_of_data_with_tails() -> None:
    rng = np.random.default_rng(3)
    values = stats.t.rvs(4.0, loc=1.5, scale=0.7, size=20_000, random_state=rng)
    location, scale = fitted("student_t", 4.0, values)
    assert location == pytest.approx(1.5, abs=0.02)
    assert scale == pytest.approx(0.7, rel=0.02)
    # The same with 2 % of the events far off on one side.
    values[:400] = rng.uniform(20.0, 100.0, 400)
    location, scale = fitted("student_t", 4.0, values)
    normal_location, normal_scale = fitted("gaussian_nll", 0.0, values)
    assert location == pytest.approx(1.5, abs=0.05)
    assert scale == pytest.approx(0.7, rel=0.1)
    assert abs(normal_location - 1.5) > 20 * abs(location - 1.5)
    assert normal_scale > 7.0


@pytest.mark.parametrize("name", ["student_t", "gaussian_nll"])
def test_corrected_sigma_is_half_of_the_central_68_percent(name: str) -> None:
    """Whatever the loss means by its σ: of a t with ν = 4 it is 12 % below that width."""
    rng = np.random.default_rng(5)
    true_width = rng.uniform(0.5, 2.0, 40_000)
    residual = true_width * stats.t.rvs(4.0, size=len(true_width), random_state=rng)
    _, scale = fitted(name, LOSSES[name].default_beta, residual / true_width)
    sigma = (scale * true_width)[:, None]
    zeros = np.zeros_like(sigma)
    (factor,) = sigma_factors("energy", residual[:, None], sigma, zeros)
    assert abs(factor - 1.0) > 0.1
    assert pull_width(residual, factor * sigma[:, 0]) == pytest.approx(1.0)
    expected = stats.t.ppf(0.84, 4.0) / GAUSSIAN_HALF_WIDTH * true_width
    np.testing.assert_allclose(factor * sigma[:, 0], expected, rtol=0.02)
    assert half_width_68(residual / (factor * sigma[:, 0])) == pytest.approx(GAUSSIAN_HALF_WIDTH)


def test_tasks_of_numbers_have_losses_with_sigma() -> None:
    of_numbers = [name for name, spec in TASKS.items() if not spec.n_classes and not spec.unit_vector]
    assert {"angle", "energy", "timing", "uvwFI"} <= set(of_numbers)
    for name, spec in TASKS.items():
        with_sigma = [loss for loss in losses_for(spec) if LOSSES[loss].predicts_sigma]
        assert with_sigma == (["gaussian_nll", "student_t"] if name in of_numbers else [])
