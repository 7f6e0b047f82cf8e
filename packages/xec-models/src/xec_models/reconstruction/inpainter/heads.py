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
    from xec_models.encoder.encoder import XECEncoder


@dataclass(frozen=True)
class InpainterHead:
    """A head that predicts hidden sensors from local features and the tokens.

    Attributes
    ----------
    name
        Value of ``model.head``.
    build
        Builds the module from the shape of the network, the predicted columns (0 npho, 1 time), the encoder,
        and where the sensors stand.
    summary
        One line for people.
    """

    name: str
    build: Callable[[InpainterConfig, tuple[int, ...], XECEncoder, SensorTable], nn.Module]
    summary: str


def _per_face(
    model: InpainterConfig, columns: tuple[int, ...], _encoder: XECEncoder, _geometry: SensorTable
) -> nn.Module:
    from xec_models.reconstruction.inpainter.per_face import PerFaceHead

    return PerFaceHead(model, columns)


def _cross_attention(
    model: InpainterConfig, columns: tuple[int, ...], _encoder: XECEncoder, geometry: SensorTable
) -> nn.Module:
    from xec_models.reconstruction.inpainter.cross_attention import CrossAttentionHead

    return CrossAttentionHead(model, columns, geometry)


def _earlier_per_face(
    model: InpainterConfig, columns: tuple[int, ...], encoder: XECEncoder, _geometry: SensorTable
) -> nn.Module:
    from xec_models.reconstruction.inpainter.earlier_per_face import EarlierPerFaceHead

    return EarlierPerFaceHead(model, columns, encoder.gather)


def _earlier_cross_attention(
    model: InpainterConfig, columns: tuple[int, ...], _encoder: XECEncoder, _geometry: SensorTable
) -> nn.Module:
    from xec_models.reconstruction.inpainter.earlier_cross_attention import EarlierCrossAttentionHead

    return EarlierCrossAttentionHead(model, columns)


INPAINTER_HEADS: Registry[InpainterHead] = Registry(
    "inpainter head",
    (
        InpainterHead("per_face", _per_face, "convolutions on each face"),
        InpainterHead("cross_attention", _cross_attention, "one for all sensors, which attend to the tokens"),
        InpainterHead("earlier_per_face", _earlier_per_face, "per_face of the earlier system xec-ml-wl"),
        InpainterHead(
            "earlier_cross_attention",
            _earlier_cross_attention,
            "cross_attention of the earlier system xec-ml-wl",
        ),
    ),
    error=ModelError,
)
"""Every head by its name."""
