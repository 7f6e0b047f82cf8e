"""The validation events with the largest residuals, displayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.events.display import draw_event
from xec_analysis.events.estimate import Estimate, estimate_of
from xec_analysis.events.event import read_event
from xec_analysis.resolution.digits import three_digits
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.style.quantities import quantity_of
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME
from xec_geometry import SensorTable
from xec_models.regressor.metrics import half_width_68

N_WORST = 3

# Coordinates of a point in the detector, which a display can show.
_POSITION = ("u", "v", "w")


@dataclass(frozen=True)
class EventFiles:
    """Files with the sensor readings of events.

    Attributes
    ----------
    paths
        Files, folders or patterns.
    tree_name, npho_branch, time_branch
        Names in the files.
    """

    paths: Sequence[str | Path]
    tree_name: str = TREE_NAME
    npho_branch: str = NPHO_BRANCH
    time_branch: str = TIME_BRANCH

    @classmethod
    def of_validation(cls, data: Mapping[str, Any]) -> EventFiles | None:
        """Take the validation files from the section `data` of a configuration, if it names some.

        Raises
        ------
        AnalysisError
            If paths or names are no text.
        """
        paths = data.get("val_path")
        if not paths:
            return None
        paths = [paths] if isinstance(paths, str) else paths
        names = {key: data[key] for key in ("tree_name", "npho_branch", "time_branch") if key in data}
        stated = {"val_path": paths, **names}
        for key, value in stated.items():
            values = value if key == "val_path" and isinstance(value, list) else [value]
            if not all(isinstance(one, str) for one in values):
                raise AnalysisError(f"data.{key} of the configuration is {value!r}; expected text")
        return cls(list(paths), **names)


def draw_worst_events(
    results: Results,
    files: EventFiles,
    path_of: Callable[[int], Path],
    n_worst: int = N_WORST,
    geometry: SensorTable | None = None,
) -> list[Path]:
    """Draw the events with the largest residuals.

    Parameters
    ----------
    results
        Predictions and truth of the events.
    files
        Files with their sensor readings.
    path_of
        Number of the event, from 1 for the worst, to the file to write.
    n_worst
        How many events are drawn.
    geometry
        Where the sensors are drawn; in their nominal places by default.

    Returns
    -------
    list of Path
        The files written; none for events whose run and event numbers are missing or ambiguous.
    """
    task, order = rank_by_error(results)
    result = results.tasks[task]
    worst = [int(i) for i in order[:n_worst]]
    places = _locate({(int(result.run[i]), int(result.event[i])) for i in worst}, files)
    drawn = []
    for number, i in enumerate(worst, start=1):
        key = int(result.run[i]), int(result.event[i])
        place = places.get(key)
        if place is None:
            continue
        path, entry = place
        event = read_event(
            path,
            entry,
            tree_name=files.tree_name,
            npho_branch=files.npho_branch,
            time_branch=files.time_branch,
        )
        drawn.append(
            draw_event(
                event,
                path_of(number),
                predicted=[predicted_values(results, key)],
                remark=f"number {number} of the worst in {task}: {residuals_text(result, i)}",
                geometry=geometry,
            )
        )
    return drawn


def predicted_values(results: Results, key: tuple[int, int]) -> Estimate:
    """Return what was predicted for the event of a run and event number, as far as a display can show it."""
    found: dict[str, float] = {}
    for result in results.tasks.values():
        rows = np.flatnonzero((result.run == key[0]) & (result.event == key[1]))
        if len(rows) == 1 and not result.spec.n_classes:
            found |= {f"pred_{name}": result.predicted(name)[rows[0]] for name in result.outputs}
    return estimate_of(
        "predicted",
        found,
        energy="pred_energy",
        time="pred_timing",
        uvw=tuple(f"pred_{x}" for x in _POSITION),
    )


def rank_by_error(results: Results) -> tuple[str, np.ndarray]:
    """Return the task by which events are ranked, and its events from the worst to the best.

    An event's error is the length of its residuals, each in units of its 68 % width. The position is the
    first choice, because one can see it in a picture.
    """
    positions = [name for name, result in results.tasks.items() if result.outputs == _POSITION]
    task = next(iter([*positions, *results.tasks]))
    result = results.tasks[task]
    pulls = [_in_widths(result.residual(output)) for output in result.outputs]
    return task, np.argsort(-np.sum(np.square(pulls), axis=0), kind="stable")


def _in_widths(residual: Floats) -> Floats:
    width = half_width_68(residual)
    return residual / width if width > 0 else residual


def residuals_text(result: TaskResult, i: int) -> str:
    """Say how far the prediction of the i-th event of a task is off."""
    parts = []
    for output in result.outputs:
        written = quantity_of(result.output(output))
        if result.spec.n_classes:
            predicted, true = result.predicted(output)[i], result.true(output)[i]
            parts.append(f"{written.plain} {predicted:.0f} instead of {true:.0f}")
            continue
        residual = result.residual(output)
        unit = written.residual_unit(residual[i])
        number = three_digits(residual[i] * unit.factor, signed=True)
        parts.append(f"{written.plain} off by {number} {unit.name}".rstrip())
    return ", ".join(parts)


def _locate(wanted: set[tuple[int, int]], files: EventFiles) -> dict[tuple[int, int], tuple[Path, int]]:
    """Find file and entry of events by run and event number; leave ambiguous ones out."""
    found: dict[tuple[int, int], list[tuple[Path, int]]] = {key: [] for key in wanted}
    reader = EventReader(list(files.paths), ("run", "event"), tree_name=files.tree_name)
    for chunk in reader:
        numbers = zip(chunk["run"].tolist(), chunk["event"].tolist(), strict=True)
        for offset, key in enumerate(numbers):
            if key in found:
                found[key].append((chunk.shard.path, chunk.shard.start + offset))
    return {key: places[0] for key, places in found.items() if len(places) == 1}
