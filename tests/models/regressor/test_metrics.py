import math

import numpy as np
import pytest
from scipy.stats import norm

from xec_models.errors import ModelError
from xec_models.regressor import metrics
from xec_models.regressor.metrics import task_metrics

# Quantiles at equal steps of probability: a distribution without its statistical fluctuations.
PROBABILITY = (np.arange(200_000) + 0.5) / 200_000
GAUSSIAN = norm.ppf(PROBABILITY)
UNIFORM = 2 * PROBABILITY - 1
EXPONENTIAL = -np.log1p(-PROBABILITY)


def test_a_gaussian_has_the_width_it_has():
    residual = 0.3 + 2.0 * GAUSSIAN
    assert metrics.bias(residual) == pytest.approx(0.3, abs=1e-9)
    assert metrics.rms(residual) == pytest.approx(2.0, rel=1e-4)
    assert metrics.rmse(residual) == pytest.approx(math.hypot(0.3, 2.0), rel=1e-4)
    assert metrics.skewness(residual) == pytest.approx(0.0, abs=1e-9)
    assert metrics.half_width_68(residual) == pytest.approx(2.0 * norm.ppf(0.84), rel=1e-4)
    assert metrics.core_width(residual) == pytest.approx(2.0, rel=1e-3)


def test_a_uniform_distribution():
    assert metrics.rms(UNIFORM) == pytest.approx(1 / math.sqrt(3), rel=1e-6)
    assert metrics.half_width_68(UNIFORM) == pytest.approx(0.68, rel=1e-4)
    assert metrics.percentile_68(np.abs(UNIFORM)) == pytest.approx(0.68, rel=1e-4)


def test_an_exponential_is_skewed_by_two():
    assert metrics.skewness(EXPONENTIAL) == pytest.approx(2.0, abs=0.01)
    assert metrics.skewness(-EXPONENTIAL) == pytest.approx(-2.0, abs=0.01)


def test_the_core_ignores_tails():
    tail = np.concatenate([GAUSSIAN, np.full(20_000, -30.0)])
    assert metrics.core_width(tail) == pytest.approx(1.0, rel=1e-3)
    assert metrics.rms(tail) > 8


def test_events_that_are_not_finite_do_not_count():
    residual = np.array([1.0, np.nan, 3.0, np.inf])
    assert metrics.bias(residual) == 2.0
    assert math.isnan(metrics.core_width([np.nan]))
    assert math.isnan(metrics.half_width_68([]))


def test_constant_residuals_have_no_width():
    for measure in (metrics.core_width, metrics.half_width_68, metrics.skewness):
        assert measure(np.full(10, 0.5)) == 0.0


def test_metrics_of_the_angles():
    truth = np.tile([90.0, 0.0], (len(GAUSSIAN), 1))
    prediction = truth + np.column_stack([GAUSSIAN, np.zeros_like(GAUSSIAN)])
    found = task_metrics("angle", prediction, truth)
    assert found["theta_rms"] == found["theta_rmse"] == pytest.approx(1.0, rel=1e-3)
    assert found["phi_rms"] == 0.0
    assert found["val_resolution_deg"] == pytest.approx(norm.ppf(0.84), rel=1e-3)


def test_phi_has_no_seam():
    found = task_metrics("angle", [[90.0, 179.0]], [[90.0, -179.0]])
    assert found["phi_bias"] == pytest.approx(-2.0)


def test_metrics_of_the_position():
    truth = np.zeros((1000, 3))
    found = task_metrics("uvwFI", truth + np.array([3.0, 0.0, 4.0]), truth)
    assert found["uvw_dist_68pct"] == pytest.approx(5.0)
    assert found["uvw_u_bias"] == pytest.approx(3.0)
    assert {f"uvw_{axis}_res_68pct" for axis in "uvw"} <= set(found)


def test_metrics_of_the_others():
    truth = np.full((len(UNIFORM), 1), 0.0528)
    assert task_metrics("energy", truth + UNIFORM[:, None], truth)["energy_res_68pct"] == pytest.approx(
        0.68, rel=1e-4
    )
    assert "timing_core_width" in task_metrics("timing", truth, truth)
    probabilities = np.eye(5)[[0, 1, 2, 2]]
    assert task_metrics("n_gamma", probabilities, [[0], [1], [2], [4]]) == {"n_gamma_accuracy": 0.75}
    vectors = np.array([[0.0, 0, 1], [0, 1, 0]])
    assert task_metrics("angleVec", vectors, vectors)["angleVec_resolution_deg"] == 0.0


def test_shapes_that_do_not_fit():
    with pytest.raises(ModelError, match=r"prediction \(2, 1\) and truth \(2, 3\), expected \(n, 3\)"):
        task_metrics("uvwFI", np.zeros((2, 1)), np.zeros((2, 3)))
