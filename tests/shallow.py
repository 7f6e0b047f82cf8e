"""Networks of one block in each of their stages, for tests that want a network and not its size."""

from __future__ import annotations

from importlib import import_module

import pytest

SIZES = {
    "encoder.face_backbone.DEPTHS": (1, 1),
    "encoder.hex_encoder.HEX_DEPTH": 1,
    "encoder.hex_encoder.HEX_WIDTH": 16,
    "reconstruction.inpainter.cells.HEX_WIDTH": 16,
    "reconstruction.inpainter.cells.FACE_WIDTH": 16,
    "reconstruction.inpainter.per_face.FACE_WIDTH": 16,
    "reconstruction.inpainter.cells.FACE_DEPTH": 1,
    "reconstruction.inpainter.cells.HEX_HEAD_DEPTH": 1,
    "reconstruction.inpainter.cross_attention.WIDTH": 16,
}


def make_networks_shallow(patch: pytest.MonkeyPatch) -> None:
    """Give networks that are built from now on each of their parts once, and narrow ones.

    A training step takes a quarter of the time; the blocks left out would repeat those that are there.
    The networks fit no checkpoint that was written without this, nor the other way round.
    """
    # All modules first: one that is imported later would copy a narrow width, and keep it.
    for name in SIZES:
        import_module(f"xec_models.{name.rpartition('.')[0]}")
    for name, size in SIZES.items():
        patch.setattr(f"xec_models.{name}", size)
