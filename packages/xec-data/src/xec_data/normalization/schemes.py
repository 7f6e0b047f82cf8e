"""The table of schemes that compress photon counts; each formula is written once, for numpy and torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xec_data.errors import DataError
from xec_geometry.support.namespace import ArrayNamespace
from xec_geometry.support.registry import Registry

Formula = Callable[[ArrayNamespace, Any, Any, Any], Any]


@dataclass(frozen=True)
class Scheme:
    """A way to compress photon counts.

    Attributes
    ----------
    name
        Name in the configuration.
    summary, domain
        The formula and the counts that it takes, for people.
    forward, inverse
        ``(xp, x, s₁, s₂)`` to y, and ``(xp, y, s₁, s₂)`` to x. `xp` is numpy or torch; of it only what
        `ArrayNamespace` names may be used, so that networks can be exported. s₁ and s₂ are numbers or
        tensors of one number.
    lowest
        From s₁ to the lowest count of the domain.
    includes_lowest
        Whether that count itself belongs to the domain.
    uses_scale2
        Whether s₂ has an effect.
    """

    name: str
    summary: str
    domain: str
    forward: Formula
    inverse: Formula
    lowest: Callable[[float], float] = lambda _: -math.inf
    includes_lowest: bool = True
    uses_scale2: bool = False

    def in_domain(self, x: Any, lowest: Any) -> Any:
        """Tell which counts the scheme can transform.

        Parameters
        ----------
        x
            Counts, an array or tensor.
        lowest
            What `lowest` gives for the scheme's s₁.

        Returns
        -------
        array or Tensor of bool
            Shape of `x`.
        """
        return x >= lowest if self.includes_lowest else x > lowest


_ANSCOMBE = 3 / 8
_LOG1P_EDGE = 0.999


def _square_of_positive(xp: ArrayNamespace, y: Any) -> Any:
    # A network may answer below the lowest value that the forward transform has: that is the domain's edge.
    return xp.square(xp.clip(y, 0, None))


SCHEMES: Registry[Scheme] = Registry(
    "scheme",
    (
        Scheme(
            "log1p",
            "ln(1 + x/s₁)/s₂",
            "x > −0.999·s₁",
            forward=lambda xp, x, s1, s2: xp.log1p(x / s1) / s2,
            inverse=lambda xp, y, s1, s2: xp.expm1(y * s2) * s1,
            lowest=lambda s1: -_LOG1P_EDGE * s1,
            includes_lowest=False,
            uses_scale2=True,
        ),
        Scheme(
            "anscombe",
            "√(x + 3/8)/√(s₁ + 3/8)",
            "x ≥ −3/8",
            forward=lambda xp, x, s1, _: xp.sqrt((x + _ANSCOMBE) / (s1 + _ANSCOMBE)),
            inverse=lambda xp, y, s1, _: _square_of_positive(xp, y) * (s1 + _ANSCOMBE) - _ANSCOMBE,
            lowest=lambda _: -_ANSCOMBE,
        ),
        Scheme(
            "sqrt",
            "√x/√s₁",
            "x ≥ 0",
            forward=lambda xp, x, s1, _: xp.sqrt(x / s1),
            inverse=lambda xp, y, s1, _: _square_of_positive(xp, y) * s1,
            lowest=lambda _: 0.0,
        ),
        Scheme(
            "linear",
            "x/s₁",
            "all x",
            forward=lambda _xp, x, s1, _: x / s1,
            inverse=lambda _xp, y, s1, _: y * s1,
        ),
    ),
    group="xec.normalization_schemes",
    error=DataError,
)
"""Every scheme by its name. Installed packages add theirs in the group ``xec.normalization_schemes``."""
