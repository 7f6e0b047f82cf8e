"""The table of an inpainter's heads. The configuration reads it: torch is imported when one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from xec_geometry import SensorTable
    from xec_models.config.network import InpainterConfig


@dataclass(frozen=True)
class InpainterHead:
    """A head that corrects the means of visible neighbours.

    Attributes
    ----------
    name
        Value of ``model.head``.
    build
        Builds the module from the shape of the network, the predicted columns (0 npho, 1 time) and where the
        sensors stand.
    summary
        One line for people.
    """

    name: str
    build: Callable[[InpainterConfig, tuple[int, ...], SensorTable], nn.Module]
    summary: str


def _per_face(model: InpainterConfig, columns: tuple[int, ...], _geometry: SensorTable) -> nn.Module:
    from xec_models.reconstruction.inpainter.per_face import PerFaceHead

    return PerFaceHead(model, columns)


def _cross_attention(model: InpainterConfig, columns: tuple[int, ...], geometry: SensorTable) -> nn.Module:
    from xec_models.reconstruction.inpainter.cross_attention import CrossAttentionHead

    return CrossAttentionHead(model, columns, geometry)


INPAINTER_HEADS: Registry[InpainterHead] = Registry(
    "inpainter head",
    (
        InpainterHead("per_face", _per_face, "convolutions on each face"),
        InpainterHead("cross_attention", _cross_attention, "one for all sensors, which attend to the tokens"),
    ),
    error=ModelError,
)
"""Every head by its name."""
