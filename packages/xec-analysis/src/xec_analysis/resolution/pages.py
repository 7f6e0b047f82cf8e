"""The resolution profile of a task: one page of panels, by a table of what each task shows."""

from __future__ import annotations

from pathlib import Path

from xec_analysis.resolution.joint_panels import (
    DISTANCE,
    OPENING_ANGLE,
    Confusion,
    Distribution,
    Measure,
    Percentile,
)
from xec_analysis.resolution.panels import Against, Density, Panel, Residuals
from xec_analysis.resolution.results import Results, TaskResult
from xec_analysis.style.figures import new_page, save, style
from xec_data.tasks.table import TASKS

Row = tuple[Panel | None, ...]
Rows = tuple[Row, ...]


_POSITION = ("u", "v", "w")
_WHERE = (*_POSITION, "energy")

TITLES = {
    "angle": "Emission angles",
    "energy": "Energy",
    "timing": "Time",
    "uvwFI": "First interaction point",
    "angleVec": "Emission direction",
    "n_gamma": "Number of photons",
}


def _output_row(output: str, *variables: str) -> Row:
    return (Residuals(output), Density(output), *(Against(output, x) for x in variables))


def _measure_row(measure: Measure, *variables: str | None) -> Row:
    return (Distribution(measure), *(None if x is None else Percentile(measure, x) for x in variables))


# None leaves a cell empty, so that panels over the same variable stand below each other.
PAGES: dict[str, Rows] = {
    "angle": (
        _output_row("theta", "theta", "w", "energy"),
        _output_row("phi", "phi", "w", "energy"),
        _measure_row(OPENING_ANGLE, "u", "v", "w", "energy"),
    ),
    "energy": (
        (
            Residuals("energy"),
            Residuals("energy", relative=True),
            Residuals("energy", relative=True, log=True),
            Density("energy"),
        ),
        tuple(Against("energy", x, relative=True) for x in ("energy", "w", "u", "v")),
    ),
    "timing": (
        (Residuals("timing"), Residuals("timing", log=True), Density("timing"), Against("timing", "timing")),
        tuple(Against("timing", x) for x in ("energy", "w", "u", "v")),
    ),
    "uvwFI": (
        *(_output_row(output, *_WHERE) for output in _POSITION),
        _measure_row(DISTANCE, None, *_WHERE),
    ),
    "angleVec": (
        *(_output_row(output, *_WHERE) for output in ("vx", "vy", "vz")),
        _measure_row(OPENING_ANGLE, None, *_WHERE),
    ),
    "n_gamma": ((Confusion("n_gamma"),),),
}

_KEY = "orange curve: Gaussian core · grey band: central 68 % of the events"

_PANEL_WIDTH, _PANEL_HEIGHT = 3.3, 2.85


def draw_page(result: TaskResult, name: str, path: Path) -> Path:
    """Draw the resolution profile of one task.

    Parameters
    ----------
    result
        Predictions and truth of at least one event.
    name
        Run or file, for the header.
    path
        File to write; its suffix gives the format.

    Returns
    -------
    Path
        The file written.
    """
    from matplotlib.gridspec import GridSpec

    rows = drawable_rows(result)
    n_columns = max(len(row) for row in rows)
    key = "" if TASKS[result.task].n_classes else _KEY
    with style():
        figure = new_page(
            max(n_columns * _PANEL_WIDTH, 5.5),
            len(rows) * _PANEL_HEIGHT,
            f"{TITLES[result.task]}: {name}",
            _census(result),
            key if n_columns > 1 else "",
        )
        grid = GridSpec(len(rows), n_columns, figure=figure)
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                if panel is not None:
                    panel.draw(figure, grid[i, j], result)
        return save(figure, path)


def drawable_rows(result: TaskResult) -> list[list[Panel | None]]:
    """Return the rows of a task's page without the panels whose variable the file does not have."""
    rows = [[panel for panel in row if panel is None or _has(result, panel)] for row in PAGES[result.task]]
    return [row for row in rows if any(row)]


def draw_pages(results: Results, folder: Path, kind: str = "pdf") -> list[Path]:
    """Draw the resolution profiles of all tasks into an existing folder.

    Returns
    -------
    list of Path
        The files, `resolution_profile_<task>_<name>.<kind>`.
    """
    return [
        draw_page(result, results.name, folder / f"resolution_profile_{task}_{results.name}.{kind}")
        for task, result in results.tasks.items()
    ]


def _has(result: TaskResult, panel: Panel) -> bool:
    return all(name in result.variables for name in panel.needs)


def _census(result: TaskResult) -> str:
    parts = ["1 event" if len(result) == 1 else f"{len(result)} events"]
    if len(result) < result.n_events:
        parts[0] = f"{len(result)} of {result.n_events} events"
    if result.n_bad_prediction:
        parts.append(f"{result.n_bad_prediction} left out: prediction not finite")
    if result.n_bad_truth:
        parts.append(f"{result.n_bad_truth} left out: truth not finite or invalid")
    return "; ".join(parts)
