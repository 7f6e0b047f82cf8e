"""A calibration: a polynomial in a few variables, fitted by least squares."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import prod

import torch
from torch import Tensor, nn


class Calibration(nn.Module):
    """A polynomial in k standardized variables; its numbers are buffers, nothing is trained.

    Parameters
    ----------
    variables
        Number k of variables.
    degree
        Largest total degree of the monomials.

    Notes
    -----
    Products and sums alone, no matrix products: those lose digits under mixed precision.
    """

    mean: Tensor
    scale: Tensor
    coefficients: Tensor

    def __init__(self, variables: int, degree: int) -> None:
        super().__init__()
        self.powers = [
            chosen
            for total in range(degree + 1)
            for chosen in combinations_with_replacement(range(variables), total)
        ]
        self.register_buffer("mean", torch.zeros(variables))
        self.register_buffer("scale", torch.ones(variables))
        self.register_buffer("coefficients", torch.zeros(len(self.powers)))

    def fit(self, variables: Tensor, target: Tensor, factor: Tensor | None = None) -> None:
        """Fit target ≈ factor · polynomial(variables) by least squares.

        Parameters
        ----------
        variables
            (n, k).
        target
            (n,).
        factor
            (n,), one by default. With it, relative deviations are made small.
        """
        # The narrow constants first: the coefficients then make up for their rounding.
        spread = variables.std(dim=0, unbiased=False)
        self.mean.copy_(variables.mean(dim=0))
        # A variable with one value is a constant, not a direction.
        self.scale.copy_(torch.where(spread > 1e-12, spread, 1.0))
        matrix = torch.stack(self._monomials(variables.double()), dim=1)
        if factor is not None:
            matrix, target = matrix * (factor / target).double().unsqueeze(1), torch.ones_like(target)
        solution = torch.linalg.lstsq(matrix, target.double().unsqueeze(1), driver="gelsd").solution
        self.coefficients.copy_(solution.squeeze(1))

    def forward(self, variables: Tensor) -> Tensor:
        """Evaluate for variables (B, k); (B,)."""
        terms = self._monomials(variables)
        value = terms[0] * self.coefficients[0]
        for number, term in enumerate(terms[1:], 1):
            value = value + term * self.coefficients[number]
        return value

    def _monomials(self, variables: Tensor) -> list[Tensor]:
        standardized = ((variables - self.mean) / self.scale).unbind(dim=1)
        one = torch.ones_like(standardized[0])
        return [prod((standardized[i] for i in chosen), start=one) for chosen in self.powers]
