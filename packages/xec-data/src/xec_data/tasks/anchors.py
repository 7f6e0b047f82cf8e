"""What a conventional reconstruction of an event says about a task: the value that a network starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from xec_geometry.support.namespace import ArrayNamespace


class Estimate(Protocol):
    """The conventional reconstruction of n events, arrays or tensors."""

    @property
    def uvw(self) -> Any:
        """First interaction point on the inner face and behind it, (n, 3) in cm."""

    @property
    def xyz(self) -> Any:
        """The same point in space, (n, 3) in cm."""

    @property
    def energy(self) -> Any:
        """Energy, (n, 1) in GeV."""

    @property
    def time(self) -> Any:
        """Time of the first interaction, (n, 1) in s."""


Anchor = Callable[[ArrayNamespace, Estimate], Any]
"""From numpy or torch and an estimate to values (n, n_outputs) in the units of a task."""


def anchor_point(_xp: ArrayNamespace, estimate: Estimate) -> Any:
    """Return the first interaction point (n, 3) in u, v, w."""
    return estimate.uvw


def anchor_energy(_xp: ArrayNamespace, estimate: Estimate) -> Any:
    """Return the energy (n, 1)."""
    return estimate.energy


def anchor_time(_xp: ArrayNamespace, estimate: Estimate) -> Any:
    """Return the time (n, 1)."""
    return estimate.time


def anchor_direction(xp: ArrayNamespace, estimate: Estimate) -> Any:
    """Return unit vectors (n, 3) from the middle of the target to the point."""
    xyz = estimate.xyz
    length = xp.sqrt(xp.square(xyz[:, 0]) + xp.square(xyz[:, 1]) + xp.square(xyz[:, 2]))
    return xyz / length[:, None]


def anchor_angles(xp: ArrayNamespace, estimate: Estimate) -> Any:
    """Return θ and φ (n, 2) in degrees of the direction from the middle of the target to the point."""
    x, y, z = (estimate.xyz[:, i] for i in range(3))
    across = xp.sqrt(xp.square(x) + xp.square(y))
    return xp.rad2deg(xp.stack([xp.arctan2(across, z), xp.arctan2(y, -x)], 1))
