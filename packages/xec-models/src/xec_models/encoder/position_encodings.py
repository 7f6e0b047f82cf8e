"""The table of position encodings. The configuration reads it: torch is imported when one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_geometry import GridName, Layout, SensorTable
from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class PositionEncoding:
    """An encoding of the face of a token, added before the fusion.

    Attributes
    ----------
    name
        Value of ``model.position``.
    build
        Builds a module that returns (1, tokens, width), from the tokens' faces, the width, the layout and
        where the sensors stand (None: nominal).
    summary
        One line for people.
    """

    name: str
    build: Callable[[tuple[GridName, ...], int, Layout, SensorTable | None], nn.Module]
    summary: str


def _learnable(
    faces: tuple[GridName, ...], dim: int, _layout: Layout, _geometry: SensorTable | None = None
) -> nn.Module:
    from xec_models.encoder.positions import LearnablePosition

    return LearnablePosition(faces, dim)


def _sinusoidal(
    faces: tuple[GridName, ...], dim: int, _layout: Layout, _geometry: SensorTable | None = None
) -> nn.Module:
    from xec_models.encoder.positions import SinusoidalPosition

    return SinusoidalPosition(faces, dim)


def _geometric(
    faces: tuple[GridName, ...], dim: int, layout: Layout, geometry: SensorTable | None = None
) -> nn.Module:
    from xec_models.encoder.positions import GeometricPosition

    return GeometricPosition(faces, dim, layout, geometry)


POSITION_ENCODINGS: Registry[PositionEncoding] = Registry(
    "position encoding",
    (
        PositionEncoding("learnable", _learnable, "a free vector for each token"),
        PositionEncoding("sinusoidal", _sinusoidal, "of the token's number, nothing to learn"),
        PositionEncoding("geometric", _geometric, "an MLP of the face's centre and kinds of sensors"),
    ),
    group="xec.position_encodings",
    error=ModelError,
)
"""Every encoding by its name. Installed packages add theirs in the group ``xec.position_encodings``."""
