"""Events for the comparison of two forms of a network: real ones, and ones with bad readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_data import EventReader, find_files
from xec_data.errors import DataError
from xec_data.schema.branches import INVALID, NPHO_BRANCH, TIME_BRANCH
from xec_export.forms.inputs import GRAPH_INPUTS, READINGS
from xec_export.onnx.description import ModelDescription
from xec_export.output.input_check import named
from xec_geometry import face_ids
from xec_models.checkpoint.content import InputFiles

Floats = NDArray[np.float32]
Damage = Callable[[Floats, Floats, np.random.Generator], None]

N_EVENTS = 64

# None, a single event, an odd handful, and more than any loop over single events would hide.
BATCHES = (0, 1, 3, N_EVENTS)

_FEW = 3
_DAMAGED_FRACTION = 0.1
_SEED = 4760


@dataclass(frozen=True)
class ParityEvents:
    """Raw events.

    Attributes
    ----------
    npho, time
        (n, n_sensors) float32.
    source
        Description of their origin.
    """

    npho: Floats
    time: Floats
    source: str


def choose_events(
    data: Sequence[str | Path] | None, files: InputFiles, description: ModelDescription
) -> ParityEvents:
    """Take events from the files given, else the training's validation files, else simulate some.

    Parameters
    ----------
    data
        Files, folders or patterns that the user named.
    files
        The files that the checkpoint's configuration names.
    description
        Gives the names of the branches.

    Raises
    ------
    DataError
        If a file that the user named cannot be read.
    """
    if data:
        return _events_of_files(find_files(list(data)), files.tree_name, description)
    if files.val_path:
        try:
            return _events_of_files(find_files(files.val_path), files.tree_name, description)
        except DataError:
            # A checkpoint often travels without the files it was trained on.
            return _simulated_events(f"simulation ({files.val_path} of the training is not here)")
    return _simulated_events("simulation")


def comparison_cases(inputs: Sequence[str], events: ParityEvents) -> dict[str, tuple[Floats, ...]]:
    """Make the batches that two forms of a network are compared on.

    Parameters
    ----------
    inputs
        The inputs of the network, names of `GRAPH_INPUTS`: the readings, then any others.
    events
        Undamaged events.

    Returns
    -------
    dict
        Name of the case → the inputs, (n, sensors) each.
    """
    random = np.random.default_rng(_SEED)
    readings = {f"batch {n}": (events.npho[:n], events.time[:n]) for n in BATCHES} | damaged_events(events)
    others = [GRAPH_INPUTS[name] for name in inputs if name not in READINGS]
    cases = {}
    for case, (npho, time) in readings.items():
        cases[case] = (npho, time, *(other.draw(npho, random) for other in others if other.draw))
    npho, time = events.npho[:_FEW], events.time[:_FEW]
    for other in others:
        for case, extreme in other.extremes.items():
            cases[case] = (
                npho,
                time,
                *(
                    extreme(npho) if one is other else one.draw(npho, random)
                    for one in others
                    if one.draw is not None
                ),
            )
    return cases


def damaged_events(events: ParityEvents) -> dict[str, tuple[Floats, Floats]]:
    """Damage readings of a few events in every way that occurs in files.

    Parameters
    ----------
    events
        Undamaged events; they are copied.

    Returns
    -------
    dict
        Kind of damage → (npho, time), a batch of a few events each.
    """
    random = np.random.default_rng(_SEED)
    damaged = {}
    for kind, damage in DAMAGES.items():
        npho, time = events.npho[:_FEW].copy(), events.time[:_FEW].copy()
        damage(npho, time, random)
        damaged[kind] = (npho, time)
    return damaged


def _scattered(value: float) -> Damage:
    def damage(npho: Floats, time: Floats, random: np.random.Generator) -> None:
        for readings in (npho, time):
            readings[random.random(readings.shape) < _DAMAGED_FRACTION] = value

    return damage


def _everywhere(value: float) -> Damage:
    def damage(npho: Floats, time: Floats, random: np.random.Generator) -> None:  # noqa: ARG001
        npho[:], time[:] = value, value

    return damage


def _negative_counts(npho: Floats, time: Floats, random: np.random.Generator) -> None:  # noqa: ARG001
    # From the noise of a baseline to far outside the domain of every normalization.
    chosen = random.random(npho.shape) < _DAMAGED_FRACTION
    npho[chosen] = -(10.0 ** random.uniform(-1, 5, int(chosen.sum())))


def _inner_face_dead(npho: Floats, time: Floats, random: np.random.Generator) -> None:  # noqa: ARG001
    npho[:, face_ids("inner")], time[:, face_ids("inner")] = INVALID, INVALID


DAMAGES: dict[str, Damage] = {
    "some 1e10": _scattered(INVALID),
    "some -1e10": _scattered(-INVALID),
    "some NaN": _scattered(np.nan),
    "some +inf": _scattered(np.inf),
    "some -inf": _scattered(-np.inf),
    "negative counts": _negative_counts,
    "inner face dead": _inner_face_dead,
    "all 1e10": _everywhere(INVALID),
    "all NaN": _everywhere(np.nan),
    "all zero": _everywhere(0.0),
}


def _events_of_files(files: list[Path], tree_name: str, description: ModelDescription) -> ParityEvents:
    reader = EventReader(
        files,
        ["npho", "time"],
        tree_name=tree_name,
        npho_branch=description.npho_branch,
        time_branch=description.time_branch,
        chunk_size=N_EVENTS,
    )
    chunk = next(iter(reader))
    return _enough(chunk["npho"], chunk["time"], named(files))


def _simulated_events(source: str) -> ParityEvents:
    from xec_data.simulation import SimulationConfig, simulate_events

    events = next(simulate_events(SimulationConfig(), N_EVENTS))
    npho, times = (events[name].astype(np.float32) for name in (NPHO_BRANCH, TIME_BRANCH))
    return _enough(npho, times, source)


def _enough(npho: Floats, time: Floats, source: str) -> ParityEvents:
    # A file with few events repeats them: the batch is what matters.
    chosen = np.resize(np.arange(len(npho)), N_EVENTS)
    return ParityEvents(npho[chosen], time[chosen], source)
