"""What is known or estimated of an event: position, energy and time; true, conventional or predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import is_invalid
from xec_geometry import xyz_to_uvw

Floats = NDArray[np.float64]

Origin = Literal["true", "conventional", "predicted"]


@dataclass(frozen=True)
class Estimate:
    """Values of one event.

    Attributes
    ----------
    origin
        Where they come from.
    uvw
        (3,) first interaction point in cm; None: unknown.
    energy
        In GeV; None: unknown.
    time
        In s; None: unknown.
    variant
        Which one of several of this origin.
    """

    origin: Origin
    uvw: Floats | None = None
    energy: float | None = None
    time: float | None = None
    variant: str = ""

    @property
    def name(self) -> str:
        """Origin and variant."""
        return f"{self.origin} ({self.variant})" if self.variant else self.origin

    @property
    def is_known(self) -> bool:
        """Whether there is any value."""
        return self.uvw is not None or self.energy is not None or self.time is not None

    def text(self) -> str:
        """All values, as in ``predicted 52.6 MeV · (u, v, w) = (1.2, −3.4, 5.6) cm``."""
        parts = []
        if self.energy is not None:
            parts.append(f"{1e3 * self.energy:.1f} MeV")
        if self.uvw is not None:
            parts.append("(u, v, w) = ({:.1f}, {:.1f}, {:.1f}) cm".format(*self.uvw))
        if self.time is not None:
            parts.append(f"{1e9 * self.time:.2f} ns")
        return f"{self.name} {', '.join(parts)}".replace("-", "−")


def estimate_of(
    origin: Origin,
    numbers: Mapping[str, Any],
    *,
    energy: str,
    time: str,
    uvw: tuple[str, ...],
    xyz: str = "",
    variant: str = "",
) -> Estimate:
    """Take an estimate from named numbers of one event, as far as they are there and valid.

    Parameters
    ----------
    origin, variant
        As in `Estimate`.
    numbers
        Numbers by name.
    energy, time
        Names.
    uvw
        Name of a vector, or three names.
    xyz
        Name of the point as x, y, z, for want of `uvw`.
    """
    point = None
    if all(name in numbers for name in uvw):
        point = np.concatenate([np.ravel(numbers[name]) for name in uvw]).astype(np.float64)
    elif xyz in numbers:
        point = np.asarray(xyz_to_uvw(np.asarray(numbers[xyz], dtype=np.float64)))
    if point is not None and is_invalid(point).any():
        point = None
    return Estimate(origin, point, _number(numbers, energy), _number(numbers, time), variant)


def _number(numbers: Mapping[str, Any], name: str) -> float | None:
    if name not in numbers:
        return None
    value = float(numbers[name])
    return None if is_invalid(value) else value
