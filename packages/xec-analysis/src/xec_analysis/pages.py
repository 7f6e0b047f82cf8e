"""The resolution profile of a task: one page of panels, by a table of what each task shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xec_analysis.panels import (
    DISTANCE,
    OPENING_ANGLE,
    Against,
    Confusion,
    Density,
    Distribution,
    Panel,
    Percentile,
    Residuals,
)
from xec_analysis.results import Results, TaskResult
from xec_analysis.style import save, style
from xec_models.tasks import TASKS

Rows = Sequence[Sequence[Panel | None]]


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

# None leaves a cell empty, so that panels over the same variable stand below each other.
PAGES: dict[str, Rows] = {
    "angle": (
        *(
            (Residuals(out), Density(out), *(Against(out, x) for x in (out, "w", "energy")))
            for out in ("theta", "phi")
        ),
        (Distribution(OPENING_ANGLE), *(Percentile(OPENING_ANGLE, x) for x in _WHERE)),
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
        *((Residuals(out), Density(out), *(Against(out, x) for x in _WHERE)) for out in _POSITION),
        (Distribution(DISTANCE), None, *(Percentile(DISTANCE, x) for x in _WHERE)),
    ),
    "angleVec": (
        *((Residuals(out), Density(out), *(Against(out, x) for x in _WHERE)) for out in ("vx", "vy", "vz")),
        (Distribution(OPENING_ANGLE), None, *(Percentile(OPENING_ANGLE, x) for x in _WHERE)),
    ),
    "n_gamma": ((Confusion("n_gamma"),),),
}

_KEY = "orange curve: Gaussian core · grey band: central 68 % of the events"

_PANEL_WIDTH, _PANEL_HEIGHT, _HEADER = 3.3, 2.85, 0.62


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
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

    rows = drawable_rows(result)
    n_columns = max(len(row) for row in rows)
    width, height = n_columns * _PANEL_WIDTH, len(rows) * _PANEL_HEIGHT + _HEADER
    with style():
        figure = Figure(figsize=(max(width, 5.5), height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, rect=(0, 0, 1, 1 - _HEADER / height))
        grid = GridSpec(len(rows), n_columns, figure=figure)
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                if panel is not None:
                    panel.draw(figure, grid[i, j], result)
        margin = 0.12 / figure.get_figwidth()
        title = f"{TITLES[result.task]}: {name}"
        figure.text(margin, 1 - 0.12 / height, title, va="top", fontsize=13, weight="bold")
        figure.text(margin, 1 - 0.40 / height, _census(result), va="top", fontsize=9.5)
        if not TASKS[result.task].n_classes:
            figure.text(1 - margin, 1 - 0.40 / height, _KEY, va="top", ha="right", fontsize=9.5)
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
