"""A calibration: a polynomial in a few variables, fitted by least squares."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Polynomial:
    """A calibration: a polynomial in a few standardized variables.

    Attributes
    ----------
    mean, scale
        Of the variables, (k,).
    degree
        Largest total degree.
    coefficients
        One per monomial.
    """

    mean: Floats
    scale: Floats
    degree: int
    coefficients: Floats

    @classmethod
    def fit(cls, variables: Floats, target: Floats, degree: int, factor: Floats | None = None) -> Polynomial:
        """Fit target ≈ factor · polynomial(variables) by least squares.

        Parameters
        ----------
        variables
            Shape (n, k).
        target
            Shape (n,).
        degree
            Largest total degree of the monomials.
        factor
            Shape (n,), one by default. With it, relative deviations are made small.
        """
        # A variable with one value is a constant, not a direction.
        scale = np.where(variables.std(axis=0) > 1e-12, variables.std(axis=0), 1.0)
        unfitted = cls(variables.mean(axis=0), scale, degree, np.empty(0))
        matrix = unfitted.monomials(variables)
        if factor is not None:
            matrix, target = matrix * (factor / target)[:, np.newaxis], np.ones_like(target)
        coefficients: Floats = np.asarray(np.linalg.lstsq(matrix, target, rcond=None)[0], dtype=np.float64)
        return cls(unfitted.mean, unfitted.scale, degree, coefficients)

    def monomials(self, variables: Floats) -> Floats:
        """All products of the standardized variables up to the degree, (n, monomials)."""
        x = (variables - self.mean) / self.scale
        powers = [
            np.prod(x[:, list(chosen)], axis=1)
            for degree in range(self.degree + 1)
            for chosen in combinations_with_replacement(range(x.shape[1]), degree)
        ]
        return np.column_stack(powers)

    def __call__(self, variables: Floats) -> Floats:
        """Value for variables of shape (n, k), shape (n,)."""
        value: Floats = self.monomials(variables) @ self.coefficients
        return value
