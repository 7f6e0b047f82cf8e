"""The effect of dead channels on the energy: a regressor on the same events, treated in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting.hidden_readings import FilledEvents
from xec_analysis.resolution.digits import three_digits
from xec_data.schema.branches import INVALID, is_invalid
from xec_geometry import SensorTable
from xec_models.dead_channels.estimators import neighbour_average
from xec_models.regressor.metrics import WIDTH_ERROR, half_width_68

if TYPE_CHECKING:
    from rich.table import Table

Floats = NDArray[np.float64]

COMPLETE = "nothing hidden"
LEFT = "left dead"
_ENERGY = "energy"


class Predicts(Protocol):
    """A regressor, as `xec_export.open_predictor` returns it."""

    def predict(self, npho: ArrayLike, time: ArrayLike) -> Mapping[str, NDArray[np.float32]]:
        """Predict outputs (n, columns) from raw readings (n, N_SENSORS)."""


@dataclass(frozen=True)
class EnergyEffect:
    """Energies of the same events, their dead channels treated in several ways.

    Attributes
    ----------
    deviations
        Treatment → (n,) energy over the reference minus 1.
    reference
        Description of the reference.
    """

    deviations: dict[str, Floats]
    reference: str

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(next(iter(self.deviations.values())))


def open_regressor(path: str | Path) -> Predicts:
    """Open a regressor of the energy: a checkpoint, or an ONNX file.

    Raises
    ------
    AnalysisError
        If it does not predict the energy.
    ExportError, CheckpointError
        As `xec_export.open_predictor`.
    """
    from xec_export import open_predictor

    predictor = open_predictor(path)
    names = predictor.description.output_names
    if _ENERGY not in names:
        raise AnalysisError(f"{path}: predicts {', '.join(names)}; expected a regressor of the {_ENERGY}")
    return predictor


def predict_energies(
    regressor: Predicts, chunk: FilledEvents, geometry: SensorTable | None = None
) -> dict[str, Floats]:
    """Predict the energy of events with their dead channels as they are, and filled in by each estimate.

    Parameters
    ----------
    regressor
        A regressor of the energy.
    chunk
        Events.
    geometry
        Where the sensors stand; nominal by default.

    Returns
    -------
    dict
        Treatment → (n,) GeV: `COMPLETE` (only what is really dead is missing), `LEFT` (all hidden sensors
        are invalid), and one per estimate. Times are filled in by a network that predicts them, and
        by the average of the neighbours otherwise.
    """
    masked = chunk.hidden | chunk.dead
    no_time = masked | is_invalid(chunk.time)
    average_time = neighbour_average(np.where(no_time, INVALID, chunk.time), no_time, geometry=geometry)

    def energy(npho: NDArray[np.generic], time: NDArray[np.generic]) -> Floats:
        readings = (np.where(np.isfinite(x), x, INVALID).astype(np.float32) for x in (npho, time))
        return np.asarray(regressor.predict(*readings)[_ENERGY][:, 0], dtype=np.float64)

    energies = {
        COMPLETE: energy(
            np.where(chunk.dead, INVALID, chunk.npho), np.where(chunk.dead, INVALID, chunk.time)
        ),
        LEFT: energy(np.where(masked, INVALID, chunk.npho), np.where(masked, INVALID, chunk.time)),
    }
    for name, photons in chunk.estimates.items():
        time = chunk.time_estimates.get(name, average_time)
        energies[name] = energy(
            np.where(masked, photons, chunk.npho), np.where(masked, np.asarray(time), chunk.time)
        )
    return energies


def energy_effect(
    energies: Sequence[dict[str, Floats]], truths: Sequence[NDArray[np.generic] | None]
) -> EnergyEffect:
    """Compare energies with the truth, or with the energy of the complete events where there is none.

    Parameters
    ----------
    energies
        From `predict_energies`, chunk by chunk.
    truths
        `energyTruth` of the same chunks in GeV; None if the files have none.

    Raises
    ------
    AnalysisError
        If no event has finite energies.
    """
    values = {name: np.concatenate([chunk[name] for chunk in energies]) for name in energies[0]}
    known = [np.asarray(truth, dtype=np.float64) for truth in truths if truth is not None]
    if len(known) == len(energies):
        truth, reference = np.concatenate(known), "true energy"
        truth = np.where(is_invalid(truth) | (truth <= 0), np.nan, truth)
    else:
        truth, reference = values.pop(COMPLETE), "energy with nothing hidden"
    deviations = {name: value / truth - 1 for name, value in values.items()}
    usable = np.all([np.isfinite(deviation) for deviation in deviations.values()], axis=0)
    if not usable.any():
        raise AnalysisError("not one event with a finite energy and a reference to compare it with")
    return EnergyEffect({name: deviation[usable] for name, deviation in deviations.items()}, reference)


def effect_table(effect: EnergyEffect, title: str) -> Table:
    """Return a rich table of bias and 68 % width of the energy for each treatment."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("dead channels", no_wrap=True)
    for name in ("68 % width", "±", "bias", "±"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for name, deviation in effect.deviations.items():
        width, width_error, bias, bias_error = summary(deviation)
        table.add_row(
            name,
            three_digits(width),
            three_digits(width_error, like=width),
            three_digits(bias, signed=True, like=width),
            three_digits(bias_error, like=width),
            "%",
        )
    return table


def summary(deviation: Floats) -> tuple[float, float, float, float]:
    """Return 68 % half width, its error, mean and its error, in percent."""
    root = np.sqrt(len(deviation))
    width = 100 * half_width_68(deviation)
    return (
        width,
        WIDTH_ERROR * width / root,
        100 * float(deviation.mean()),
        100 * float(deviation.std()) / root,
    )
