"""Outputs of a task as directions in space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xec_geometry.support.namespace import ArrayNamespace

Direction = Callable[[ArrayNamespace, Any], Any]
"""From numpy or torch and outputs (n, k) to vectors (n, 3) of any length."""


def direction_of_angles(xp: ArrayNamespace, angles: Any) -> Any:
    """Turn emission angles θ and φ (n, 2) in degrees into directions (n, 3)."""
    radians = xp.deg2rad(angles)
    theta, phi = radians[:, 0], radians[:, 1]
    across = xp.sin(theta)
    return xp.stack([-across * xp.cos(phi), across * xp.sin(phi), xp.cos(theta)], 1)


def direction_of_vectors(_xp: ArrayNamespace, vectors: Any) -> Any:
    """Return vectors (n, 3) as they are."""
    return vectors
