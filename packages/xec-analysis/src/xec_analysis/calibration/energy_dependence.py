"""Resolution against energy: σ/E = a ⊕ b/√E ⊕ c/E, fitted to several lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_analysis.resolution.statistics import Number

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """A term of the resolution: coefficient · (E/GeV)^−power.

    Attributes
    ----------
    symbol
        The coefficient.
    power
        Power of 1/E.
    text
        The term, as people write it.
    unit
        Unit of the coefficient as shown.
    factor
        From σ/E as a number and E in GeV into that unit.
    """

    symbol: str
    power: float
    text: str
    unit: str
    factor: float


TERMS = (
    Term("a", 0.0, "a", "%", 100.0),
    Term("b", 0.5, "b/√E", "% √GeV", 100.0),
    Term("c", 1.0, "c/E", "MeV", 1000.0),
)
"""Constant, stochastic and noise term; they add in squares."""


@dataclass(frozen=True)
class ResolutionCurve:
    """A fitted dependence.

    Attributes
    ----------
    terms
        The terms that were fitted: with fewer than three lines as many of the first two as there are lines.
    coefficients
        One for each, with E in GeV; without an error it is zero, where the best fit lies outside of what is
        possible.
    chi2, ndf
        Of the fit; 0 degrees of freedom with as many lines as terms.
    """

    terms: tuple[Term, ...]
    coefficients: tuple[Number, ...]
    chi2: float
    ndf: int

    @property
    def formula(self) -> str:
        """The terms, added in squares."""
        return " ⊕ ".join(term.text for term in self.terms)

    def __call__(self, energy: ArrayLike) -> Floats:
        """Return σ/E at energies in GeV, any shape."""
        e = np.asarray(energy, np.float64)
        pairs = zip(self.terms, self.coefficients, strict=True)
        return np.sqrt(sum((number.value / e**term.power) ** 2 for term, number in pairs))


def fit_resolution_curve(energy: ArrayLike, resolution: Sequence[Number]) -> ResolutionCurve | None:
    """Fit the dependence of the resolution on the energy.

    Parameters
    ----------
    energy
        (n,) energies of the lines in GeV, each another one.
    resolution
        n values of σ/E with errors.

    Returns
    -------
    ResolutionCurve or None
        None with fewer than two lines.

    Notes
    -----
    (σ/E)² is linear in the squares of the coefficients, none of which is negative. Of all choices of terms
    that are not zero the one with the least χ² is the exact minimum under this condition.
    """
    e = np.asarray(energy, np.float64)
    if len(e) < 2:
        return None
    value = np.array([number.value for number in resolution])
    error = np.array([number.error or np.nan for number in resolution])
    terms = TERMS[: min(len(e), len(TERMS))]
    weight = 1 / (2 * value * error)
    design = np.stack([e ** (-2 * term.power) for term in terms], axis=1)
    best: tuple[float, tuple[int, ...], Floats, Floats] | None = None
    for size in range(1, len(terms) + 1):
        for chosen in combinations(range(len(terms)), size):
            squares, covariance = _least_squares(design[:, chosen], value**2, weight)
            chi2 = float((((design[:, chosen] @ squares - value**2) * weight) ** 2).sum())
            if (squares >= 0).all() and (best is None or chi2 < best[0]):
                best = chi2, chosen, squares, covariance
    if best is None:
        return None
    chi2, chosen, squares, covariance = best
    numbers = [Number(0.0)] * len(terms)
    for k, square, variance in zip(chosen, squares, np.diag(covariance), strict=True):
        root = float(np.sqrt(square))
        numbers[k] = Number(root, float(np.sqrt(variance) / (2 * root)) if root > 0 else None)
    return ResolutionCurve(terms, tuple(numbers), chi2, len(e) - len(terms))


def _least_squares(design: Floats, value: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted linear least squares: the coefficients and their covariance."""
    weighted = design * weight[:, np.newaxis]
    covariance = np.linalg.pinv(weighted.T @ weighted)
    squares = covariance @ (weighted.T @ (value * weight))
    return np.asarray(squares, np.float64), np.asarray(covariance, np.float64)
