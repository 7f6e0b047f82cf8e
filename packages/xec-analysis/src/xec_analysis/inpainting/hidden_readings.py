"""Readings of hidden sensors, and their estimates by a network and by conventional methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting.hidden_sensors import Validation
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import INVALID, NPHO_BRANCH, TIME_BRANCH, TREE_NAME, is_invalid
from xec_export.prediction.clock import Clock
from xec_models.dead_channels.estimators import Estimator

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HIDDEN_FOR_TEST, REALLY_DEAD = 0, 1
"""Values of `mask_type`: a healthy sensor that was hidden, whose reading is the truth; a dead one without."""

_CHUNK = 200

Reconstruct = Callable[[NDArray[np.float32], NDArray[np.float32], Bools], Mapping[str, NDArray[Any]]]
"""From raw npho, time and hidden sensors, (n, N_SENSORS) each, to channel → (n, N_SENSORS) photons or s."""


@dataclass(frozen=True)
class HiddenReadings:
    """Every hidden or dead sensor of every event, one row each.

    Attributes
    ----------
    entry
        (rows,) which event, counted from the first that was read.
    sensor
        (rows,) its id.
    mask_type
        (rows,) `HIDDEN_FOR_TEST` or `REALLY_DEAD`.
    truth
        (rows,) photons that were hidden; NaN for dead sensors.
    estimates
        Name → (rows,) photons.
    time_truth
        (rows,) s; NaN where there is no valid time, and empty if no network predicts times.
    time_estimates
        Name → (rows,) s, of the networks that predict times.
    run, event
        (events,) identification of the events; -1 where the files have none.
    n_invalid
        How many of the really dead have no valid count in their event; the others are known as bad, and their
        counts are not used.
    """

    entry: NDArray[np.int64]
    sensor: NDArray[np.int64]
    mask_type: NDArray[np.uint8]
    truth: Floats
    estimates: dict[str, Floats]
    time_truth: Floats
    time_estimates: dict[str, Floats]
    run: NDArray[np.int64]
    event: NDArray[np.int64]
    n_invalid: int = 0

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.run)

    @property
    def methods(self) -> list[str]:
        """Names of the estimates."""
        return list(self.estimates)

    @property
    def comparable(self) -> Bools:
        """(rows,) where there is a truth, and all have an estimate."""
        finite = np.isfinite(self.truth)
        for values in self.estimates.values():
            finite &= np.isfinite(values)
        return finite

    def error(self, name: str) -> Floats:
        """Estimate − truth, (rows,) photons."""
        return self.estimates[name] - self.truth


@dataclass(frozen=True)
class FilledEvents:
    """A chunk of events after hiding.

    Attributes
    ----------
    npho, time
        (n, N_SENSORS) raw readings, including the hidden ones; dead sensors are invalid.
    hidden, dead
        (n, N_SENSORS).
    estimates
        Name → (n, N_SENSORS) photons.
    time_estimates
        Name → (n, N_SENSORS) s, of the networks that predict times.
    truth
        Branches of the schema that the chunk has beside the readings.
    """

    npho: NDArray[np.float32]
    time: NDArray[np.float32]
    hidden: Bools
    dead: Bools
    estimates: dict[str, Floats]
    time_estimates: dict[str, Floats]
    truth: dict[str, NDArray[Any]]


def fill_in_events(
    files: str | Path | Sequence[str | Path],
    validation: Validation,
    estimators: Mapping[str, Estimator],
    networks: Mapping[str, Reconstruct] | None = None,
    *,
    max_events: int | None = None,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
    trained_on: str = TIME_BRANCH,
) -> Iterator[FilledEvents]:
    """Read events, hide sensors, and let the network and all estimators fill them in.

    Parameters
    ----------
    files
        Files with `npho` and times.
    validation
        Choice of hidden sensors.
    estimators
        Name → estimator.
    networks
        Name → network; they stand before the estimators.
    max_events
        Number of events to read, from the beginning; all by default.
    tree_name, npho_branch, time_branch
        As for `EventReader`.
    trained_on
        The branch of the times that the network was trained on: if it is the relative times, and a file has
        absolute ones only, each event's earliest is subtracted, as `xec predict` does.
    """
    reader = EventReader(
        files,
        ("npho", "time"),
        optional=("run", "event", "energyTruth", "timeTruth"),
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
        chunk_size=_CHUNK,
    )
    clock = Clock(reader.trees, trained_on)
    left = reader.n_events if max_events is None else max_events
    with reader, closing(clock):
        for chunk in reader:
            if left <= 0:
                return
            branches = {name: values[:left] for name, values in chunk.items()}
            branches["time"] = clock.read(chunk.shard, chunk["time"])[0][:left]
            left -= len(chunk)
            yield _fill_in(branches, validation, estimators, networks or {})


class Collector:
    """Collector of the hidden and dead sensors of chunks."""

    def __init__(self) -> None:
        self._rows: list[dict[str, NDArray[Any]]] = []
        self._numbers: list[dict[str, NDArray[np.int64]]] = []
        self._names: list[str] = []
        self.n_events = self._n_invalid = 0

    def add(self, chunk: FilledEvents) -> None:
        """Add the next events."""
        entry, sensor = np.nonzero(chunk.hidden | chunk.dead)
        dead = chunk.dead[entry, sensor]
        self._n_invalid += int((dead & is_invalid(chunk.npho[entry, sensor])).sum())
        row: dict[str, NDArray[Any]] = {
            "entry": entry + self.n_events,
            "sensor": sensor,
            "mask_type": np.where(dead, REALLY_DEAD, HIDDEN_FOR_TEST).astype(np.uint8),
            "truth": np.where(dead, np.nan, chunk.npho[entry, sensor].astype(np.float64)),
        }
        row |= {f"by {name}": values[entry, sensor] for name, values in chunk.estimates.items()}
        if chunk.time_estimates:
            time = chunk.time[entry, sensor].astype(np.float64)
            row["time_truth"] = np.where(dead | is_invalid(time), np.nan, time)
            row |= {f"time by {name}": values[entry, sensor] for name, values in chunk.time_estimates.items()}
        n = len(chunk.npho)
        self._rows.append(row)
        self._numbers.append(
            {name: np.asarray(chunk.truth.get(name, np.full(n, -1)), np.int64) for name in ("run", "event")}
        )
        self._names = list(chunk.estimates)
        self.n_events += n

    def readings(self) -> HiddenReadings:
        """Return everything that was added.

        Raises
        ------
        AnalysisError
            If nothing with a truth was hidden.
        """
        if not any((row["mask_type"] == HIDDEN_FOR_TEST).any() for row in self._rows):
            raise AnalysisError(
                f"no sensor with a valid reading is hidden in {self.n_events} events: nothing to compare"
            )
        rows = {name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]}
        empty = np.empty(0)
        return HiddenReadings(
            entry=rows["entry"],
            sensor=rows["sensor"],
            mask_type=rows["mask_type"],
            truth=rows["truth"],
            estimates={name: rows[f"by {name}"] for name in self._names},
            time_truth=rows.get("time_truth", empty),
            time_estimates={name: rows[key] for name in self._names if (key := f"time by {name}") in rows},
            run=np.concatenate([numbers["run"] for numbers in self._numbers]),
            event=np.concatenate([numbers["event"] for numbers in self._numbers]),
            n_invalid=self._n_invalid,
        )


def _fill_in(
    branches: dict[str, NDArray[Any]],
    validation: Validation,
    estimators: Mapping[str, Estimator],
    networks: Mapping[str, Reconstruct],
) -> FilledEvents:
    npho, time = branches.pop("npho"), branches.pop("time")
    hidden, dead = validation.hide(npho, branches.get("run"))
    masked = hidden | dead
    estimates: dict[str, Floats] = {}
    times: dict[str, Floats] = {}
    for name, network in networks.items():
        # Hidden readings are not even passed to the network.
        invalid = np.float32(INVALID)
        guess = network(np.where(masked, invalid, npho), np.where(masked, invalid, time), masked)
        estimates[name] = np.asarray(guess["npho"], dtype=np.float64)
        if "time" in guess:
            times[name] = np.asarray(guess["time"], dtype=np.float64)
    estimates |= {name: estimator(npho, masked) for name, estimator in estimators.items()}
    return FilledEvents(npho, time, hidden, dead, estimates, times, branches)
