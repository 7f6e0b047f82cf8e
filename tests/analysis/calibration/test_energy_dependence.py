"""Resolution against energy: the terms come back, and what cannot be known is not told."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis.calibration.energy_dependence import fit_resolution_curve
from xec_analysis.resolution.statistics import Number

TERMS = (0.010, 0.0028, 0.00012)  # a, b √GeV, c GeV
ENERGIES = np.array([0.0095, 0.0176, 0.0528, 0.0549, 0.0829])


def resolution(energy, terms=TERMS):
    a, b, c = terms
    return np.sqrt(a**2 + b**2 / energy + (c / energy) ** 2)


def numbers(values, error=1e-4):
    return [Number(float(value), error) for value in values]


def test_exact_values_give_the_terms_back():
    curve = fit_resolution_curve(ENERGIES, numbers(resolution(ENERGIES)))
    np.testing.assert_allclose([number.value for number in curve.coefficients], TERMS, rtol=1e-6)
    assert (curve.chi2, curve.ndf) == (pytest.approx(0.0, abs=1e-9), 2)
    np.testing.assert_allclose(curve(ENERGIES), resolution(ENERGIES), rtol=1e-9)
    assert curve.formula == "a ⊕ b/√E ⊕ c/E"


def test_pulls_of_the_terms():
    rng = np.random.default_rng(1)
    pulls, chi2 = [], []
    for _ in range(400):
        shaken = resolution(ENERGIES) + rng.normal(0, 1e-4, len(ENERGIES))
        curve = fit_resolution_curve(ENERGIES, numbers(shaken))
        chi2.append(curve.chi2)
        pulls.append(
            [
                (number.value - true) / number.error
                for number, true in zip(curve.coefficients, TERMS, strict=True)
            ]
        )
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0, atol=0.2)
    np.testing.assert_allclose(np.std(pulls, axis=0), 1, atol=0.15)
    assert np.mean(chi2) == pytest.approx(2.0, abs=3 * np.sqrt(4 / 400))


def test_two_lines_have_two_terms_and_one_has_none():
    curve = fit_resolution_curve(ENERGIES[:2], numbers(resolution(ENERGIES[:2], (0.01, 0.003, 0.0))))
    assert [number.value for number in curve.coefficients] == pytest.approx([0.01, 0.003])
    assert curve.ndf == 0
    assert fit_resolution_curve(ENERGIES[:1], numbers([0.02])) is None


def test_a_term_that_would_have_to_be_negative_is_zero_without_an_error():
    # Steeper than 1/√E and 1/E allow with a constant: the constant would have a negative square.
    curve = fit_resolution_curve(ENERGIES, numbers(0.0006 / ENERGIES**1.2))
    assert curve.coefficients[0] == Number(0.0)
    assert curve.coefficients[2].error is not None
    # No other choice of non-negative terms is better.
    squares = np.array([number.value**2 for number in curve.coefficients])
    weight = 1 / (2 * 0.0006 / ENERGIES**1.2 * 1e-4)
    design = np.stack([ENERGIES**0, 1 / ENERGIES, 1 / ENERGIES**2], axis=1)

    def chi2(x):
        return (((design @ x - (0.0006 / ENERGIES**1.2) ** 2) * weight) ** 2).sum()

    best = chi2(squares)
    assert best == pytest.approx(curve.chi2, rel=1e-6)
    for k in range(3):
        shift = np.zeros(3)
        shift[k] = 1e-3 * squares.max()
        assert chi2(squares + shift) >= best
