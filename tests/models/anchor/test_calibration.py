"""Polynomial calibrations against the polynomials that they are fitted to."""

from __future__ import annotations

import numpy as np
import torch

from xec_models.anchor.calibration import Calibration


def fitted(x, target, degree, factor=None):
    calibration = Calibration(x.shape[1], degree).double()
    columns = (None if values is None else torch.as_tensor(values) for values in (x, target, factor))
    calibration.fit(*columns)
    return lambda values: calibration(torch.as_tensor(values)).numpy()


def test_polynomials_reproduce_what_they_can():
    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 3.0, (200, 2))
    target = 1 + 2 * x[:, 0] - 0.5 * x[:, 0] * x[:, 1] + 0.1 * x[:, 1] ** 3
    np.testing.assert_allclose(fitted(x, target, degree=3)(x), target, atol=1e-9)
    factor = rng.uniform(1, 5, 200)
    relative = fitted(x, factor * (300 + x[:, 0]), degree=1, factor=factor)
    np.testing.assert_allclose(relative(x), 300 + x[:, 0])


def test_a_variable_with_one_value_is_no_problem():
    x = np.column_stack([np.linspace(0, 1, 50), np.full(50, 3.0)])
    np.testing.assert_allclose(fitted(x, 5 * x[:, 0], degree=2)(x), 5 * x[:, 0], atol=1e-9)
