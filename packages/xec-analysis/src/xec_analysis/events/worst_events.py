"""The validation events that a network got most wrong, displayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xec_analysis.events.display import draw_event, read_event
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.resolution.table import three_digits
from xec_analysis.style.quantities import quantity
from xec_data.reading.reader import EventReader
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.regressor.metrics import half_width_68

N_WORST = 3


def draw_worst_events(run: RunDirectory, results: Results, data: dict[str, Any]) -> list[Path]:
    """Draw the events with the largest residuals, if their sensor readings are still to be found.

    Parameters
    ----------
    run
        Where the pictures go.
    results
        The validation results of the run.
    data
        Section `data` of its configuration: where the validation events stand.

    Returns
    -------
    list of Path
        The pictures; none if the events carry no numbers by which to find them.
    """
    task, order = rank_by_error(results)
    result = results.tasks[task]
    worst = [int(i) for i in order[:N_WORST]]
    places = _locate({(int(result.run[i]), int(result.event[i])) for i in worst}, data)
    drawn = []
    for number, i in enumerate(worst, start=1):
        place = places.get((int(result.run[i]), int(result.event[i])))
        if place is None:
            continue
        event = read_event(
            place[0],
            place[1],
            tree_name=data["tree_name"],
            npho_branch=data["npho_branch"],
            time_branch=data["time_branch"],
        )
        drawn.append(
            draw_event(
                event,
                run.event_display(number),
                predicted_uvw=result.prediction[i] if task == "uvwFI" else None,
                remark=f"number {number} of the worst in {task}: {_misses(result, i)}",
            )
        )
    return drawn


def rank_by_error(results: Results) -> tuple[str, np.ndarray]:
    """Return the task by which events are judged, and its events from the worst to the best.

    An event's error is the length of its residuals, each in units of its 68 % width. The position is the
    first choice, because one can see it in a picture.
    """
    task = "uvwFI" if "uvwFI" in results.tasks else next(iter(results.tasks))
    result = results.tasks[task]
    pulls = [_in_widths(result.residual(output)) for output in result.outputs]
    return task, np.argsort(-np.sum(np.square(pulls), axis=0), kind="stable")


def _in_widths(residual: Floats) -> Floats:
    width = half_width_68(residual)
    return residual / width if width > 0 else residual


def _misses(result: TaskResult, i: int) -> str:
    parts = []
    for output in result.outputs:
        residual = result.residual(output)
        unit = quantity(output).residual_unit(residual[i])
        number = three_digits(residual[i] * unit.factor, signed=True)
        parts.append(f"{quantity(output).plain} off by {number} {unit.name}".rstrip())
    return ", ".join(parts)


def _locate(wanted: set[tuple[int, int]], data: dict[str, Any]) -> dict[tuple[int, int], tuple[Path, int]]:
    """Find file and entry of events by run and event number; an ambiguous number is not found."""
    found: dict[tuple[int, int], list[tuple[Path, int]]] = {key: [] for key in wanted}
    reader = EventReader(data["val_path"], ("run", "event"), tree_name=data["tree_name"])
    for chunk in reader:
        numbers = zip(chunk["run"].tolist(), chunk["event"].tolist(), strict=True)
        for offset, key in enumerate(numbers):
            if key in found:
                found[key].append((chunk.shard.path, chunk.shard.start + offset))
    return {key: places[0] for key, places in found.items() if len(places) == 1}
