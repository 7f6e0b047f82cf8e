"""The table of stems: what makes features of the cells of a rectangular face.

The configuration reads this table: torch is imported when a stem is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from xec_geometry import FACES, index_map
from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

DOWNSAMPLING = 2
"""Positions of a stem, along rows and along columns, that the backbone joins to one."""


@dataclass(frozen=True)
class Stem:
    """The first layer of the backbone of the rectangular faces.

    Attributes
    ----------
    name
        Value of ``model.stem``.
    build
        Builds a module from the numbers per cell and the width. It turns (B, rows, columns, numbers) into
        (B, rows', columns', width); masked cells come in as 0.
    positions
        Gives rows' from rows, and columns' from columns.
    summary
        One line for people.
    """

    name: str
    build: Callable[[int, int], nn.Module]
    positions: Callable[[int], int]
    summary: str

    @property
    def fewest_cells(self) -> int:
        """The fewest rows and columns of a face of which the backbone leaves something."""
        too_many = 1 + max(n for face in FACES for n in index_map(face).shape)
        return next((n for n in range(1, too_many) if self.positions(n) >= DOWNSAMPLING), too_many)


_KERNEL, _PADDING = 4, 1


def _build_convolution(stride: int, channels: int, width: int) -> nn.Module:
    from xec_models.encoder.conv_stem import ConvStem

    return ConvStem(channels, width, kernel=_KERNEL, stride=stride, padding=_PADDING)


def _positions_of_convolution(stride: int, cells: int) -> int:
    return (cells + 2 * _PADDING - _KERNEL) // stride + 1


def _convolution(name: str, stride: int, summary: str) -> Stem:
    return Stem(
        name, partial(_build_convolution, stride), partial(_positions_of_convolution, stride), summary
    )


STEMS: Registry[Stem] = Registry(
    "stem",
    (
        _convolution("dense", 1, "4 × 4 cells at every cell"),
        _convolution("patch", 2, "4 × 4 cells at every second row and column, for a quarter of the work"),
    ),
    group="xec.stems",
    error=ModelError,
)
"""Every stem by its name. Installed packages add theirs in the group ``xec.stems``."""
