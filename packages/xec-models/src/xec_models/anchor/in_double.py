"""Conventional reconstructions outside of networks: in double precision, with numpy arrays as inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from numpy.typing import NDArray

from xec_geometry import SensorTable
from xec_models.anchor.conventional import AnchorEstimate, ConventionalReconstruction, blocks
from xec_models.anchor.table import ANCHORS
from xec_models.encoder.readings import read


def build_in_double(anchor: str, geometry: SensorTable | None = None) -> ConventionalReconstruction:
    """Return the reconstruction of an anchor, not yet calibrated, in double precision.

    Parameters
    ----------
    anchor
        A name in `ANCHORS` that has one.
    geometry
        Where the sensors stand; nominal by default.
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        reconstruction = ANCHORS[anchor].build(geometry)
    finally:
        torch.set_default_dtype(default)
    assert reconstruction is not None
    return reconstruction


def estimates(
    reconstruction: ConventionalReconstruction, npho: NDArray[Any], time: NDArray[Any]
) -> Iterator[AnchorEstimate]:
    """Estimate the quantities of events, a block of them at a time.

    Parameters
    ----------
    reconstruction
        Of `build_in_double`, calibrated.
    npho, time
        (n, N_SENSORS) raw readings.
    """
    readings = (torch.as_tensor(values) for values in (npho, time))
    with torch.inference_mode():
        for block in blocks(*readings):
            yield reconstruction(read(*block, torch.float64))
