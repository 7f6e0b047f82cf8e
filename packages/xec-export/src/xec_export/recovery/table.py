"""The table of recoveries: what stands in for the readings of dead sensors before a network predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import INVALID, is_invalid
from xec_export.errors import ExportError
from xec_geometry import SensorTable
from xec_geometry.support.registry import Registry

if TYPE_CHECKING:
    from xec_export.inpainting.network import InpaintingNetwork

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

Recover = Callable[[Floats, Floats, Bools, float], tuple[Floats, Floats]]
"""(npho, time, dead, npho_threshold) to both with other readings of the dead sensors.

All (n, N_SENSORS), the readings of dead sensors invalid; what cannot be recovered stays so. Below the
threshold of photons a time means nothing.
"""


@dataclass(frozen=True)
class Recovery:
    """A way to recover dead sensors.

    Attributes
    ----------
    name
        Its name on the command line.
    column
        The end of the names of its columns where several are compared: ``pred_energy_<column>``.
    meaning
        One line for people.
    open
        Gives the function, from the file of a network (None if it needs none) and the positions of the
        sensors (None: nominal).
    needs_model
        Whether it needs the file of a network.
    """

    name: str
    column: str
    meaning: str
    open: Callable[[Path | None, SensorTable | None], Recover]
    needs_model: bool = False


def _leave(npho: Floats, time: Floats, _dead: Bools, _threshold: float) -> tuple[Floats, Floats]:
    return npho, time


def _by_estimator(estimator: str, _model: Path | None, geometry: SensorTable | None) -> Recover:
    from xec_models.dead_channels.estimators import ESTIMATORS

    estimate = partial(ESTIMATORS[estimator].function, geometry=geometry)

    def recover(npho: Floats, time: Floats, dead: Bools, threshold: float) -> tuple[Floats, Floats]:
        photons = estimate(npho, dead)
        return (
            np.where(dead & np.isfinite(photons), photons, npho).astype(np.float32),
            _times_of_neighbours(time, dead, photons, threshold, geometry),
        )

    return recover


def _by_network(model: Path | None, geometry: SensorTable | None) -> Recover:
    from xec_export.inpainting.network import InpaintingNetwork

    assert model is not None
    network = InpaintingNetwork(model)
    return partial(_inpaint, network, geometry)


def _inpaint(
    network: InpaintingNetwork,
    geometry: SensorTable | None,
    npho: Floats,
    time: Floats,
    dead: Bools,
    threshold: float,
) -> tuple[Floats, Floats]:
    # Without a single reading there is nothing to go by.
    wanted = dead & ~is_invalid(np.where(dead, INVALID, npho)).all(axis=1, keepdims=True)
    photons, times = npho.copy(), None
    for first in range(0, len(npho), network.batch_size):
        part = slice(first, first + network.batch_size)
        if not wanted[part].any():
            continue
        found = network.recover(npho[part], time[part], wanted[part])
        np.copyto(photons[part], found["npho"], where=wanted[part])
        if "time" in found:
            times = time.copy() if times is None else times
            np.copyto(times[part], found["time"], where=wanted[part])
    if times is None:
        times = _times_of_neighbours(time, wanted, photons, threshold, geometry)
    return photons, times


def _times_of_neighbours(
    time: Floats, dead: Bools, photons: NDArray[np.floating], threshold: float, geometry: SensorTable | None
) -> Floats:
    """Give dead sensors with enough light the mean time of their neighbours."""
    from xec_models.dead_channels.estimators import neighbour_average

    mean = neighbour_average(time, dead, geometry=geometry)
    with np.errstate(invalid="ignore"):
        known = dead & np.isfinite(mean) & (photons >= threshold)
    return np.where(known, mean, time).astype(np.float32)


RECOVERIES: Registry[Recovery] = Registry(
    "recovery",
    (
        Recovery("none", "raw", "dead sensors stay without a reading", lambda *_: _leave),
        Recovery(
            "average",
            "average",
            "the mean of the neighbours on the same face",
            partial(_by_estimator, "neighbours"),
        ),
        Recovery(
            "solid-angle",
            "solid_angle",
            "the neighbours' light per solid angle, seen from the light's source",
            partial(_by_estimator, "solid angle"),
        ),
        Recovery(
            "light-map",
            "light_map",
            "the light of the point source that fits the event best",
            partial(_by_estimator, "light map"),
        ),
        Recovery("inpaint", "inpaint", "a trained inpainter", _by_network, needs_model=True),
    ),
    group="xec.recoveries",
    error=ExportError,
)
"""Every recovery by its name."""
