"""The resolution profile of a task: one page of panels, the same for every task unless it has its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.class_panels import ClassQuality, Confusion
from xec_analysis.resolution.joint_panels import Distribution, Percentile
from xec_analysis.resolution.panels import Against, Density, Panel, Residuals
from xec_analysis.resolution.results import TRUTH, Results, TaskResult
from xec_analysis.style.figures import new_page, save, style
from xec_data.tasks.output import Output
from xec_data.tasks.task import Task
from xec_geometry.support.registry import Registry

Row = tuple[Panel | None, ...]
Rows = tuple[Row, ...]

VARIABLES = ("u", "v", "w", "energy")
"""Position and energy of the photon: variables of every page."""


@dataclass(frozen=True)
class Page:
    """The page of a task that does not take the default one.

    Attributes
    ----------
    name
        Name of the task.
    rows
        From the task to its panels, row by row; None leaves a cell empty, so that panels against the same
        variable stand below each other.
    """

    name: str
    rows: Callable[[Task], Rows]


def _angle_rows(task: Task) -> Rows:
    assert task.joint is not None
    return (
        *(_output_row(output, (output.name, "w", "energy")) for output in task.outputs),
        (Distribution(task.joint), *(Percentile(task.joint, x) for x in VARIABLES)),
    )


def default_rows(task: Task) -> Rows:
    """Return the panels of a task without a page of its own.

    A classification shows its confusion matrix, and the efficiency and purity of every class. A single
    output fills two rows: its residuals, and their dependence on itself, energy and position. Several
    outputs have a row each, and one for their joint measure.
    """
    if task.n_classes:
        return ((Confusion(task.output_names[0]), ClassQuality(task.output_names[0])),)
    rows: Rows
    if len(task.outputs) == 1:
        rows = _single_output_rows(task.outputs[0])
    else:
        rows = tuple(_output_row(output, VARIABLES) for output in task.outputs)
    if task.joint is None:
        return rows
    return (*rows, (Distribution(task.joint), None, *(Percentile(task.joint, x) for x in VARIABLES)))


def _single_output_rows(output: Output) -> Rows:
    name, others = output.name, [x for x in ("energy", "w", "u", "v") if x != output.name]
    if output.residual == "ratio":
        return (
            (
                Residuals(name),
                Residuals(name, relative=True),
                Residuals(name, relative=True, log=True),
                Density(name),
            ),
            tuple(Against(name, x, relative=True) for x in (name, *others)),
        )
    return (
        (Residuals(name), Residuals(name, log=True), Density(name), Against(name, name)),
        tuple(Against(name, x) for x in others),
    )


def _output_row(output: Output, variables: tuple[str, ...]) -> Row:
    name, relative = output.name, output.residual == "ratio"
    return (
        Residuals(name, relative=relative),
        Density(name),
        *(Against(name, x, relative=relative) for x in variables),
    )


PAGES = Registry("page", (Page("angle", _angle_rows),), group="xec.pages", error=AnalysisError)
"""Pages of their own, by task; every other task has the default one."""

_KEY = "orange curve: Gaussian core · grey band: central 68 % of the events"
_CLASS_KEY = "in the cells: events, share of the true class"

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
    key = _CLASS_KEY if result.spec.n_classes else _KEY
    with style():
        figure = new_page(
            max(n_columns * _PANEL_WIDTH, 5.5),
            len(rows) * _PANEL_HEIGHT,
            _title(result, name),
            _census(result),
            key if n_columns > 1 else "",
        )
        grid = GridSpec(len(rows), n_columns, figure=figure)
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                if panel is not None:
                    panel.draw(figure, grid[i, j], result)
        return save(figure, path)


def _title(result: TaskResult, name: str) -> str:
    what = result.spec.title or result.task
    if result.reference is not TRUTH:
        what += f" against the {result.reference.name}"
    return f"{what}: {name}"


def drawable_rows(result: TaskResult) -> list[list[Panel | None]]:
    """Return the rows of a task's page without the panels whose variable the file does not have."""
    rows_of = PAGES[result.task].rows if result.task in PAGES else default_rows
    rows = [[panel for panel in row if panel is None or _has(result, panel)] for row in rows_of(result.spec)]
    return [row for row in rows if any(row)]


def draw_pages(results: Results, folder: Path, kind: str = "pdf") -> list[Path]:
    """Draw the resolution profiles of all tasks into an existing folder.

    Returns
    -------
    list of Path
        The files, `resolution_profile_<task>_<name>.<kind>`; without a truth `comparison_…`.
    """
    beginning = "resolution_profile" if results.reference is TRUTH else "comparison"
    return [
        draw_page(result, results.name, folder / f"{beginning}_{task}_{results.name}.{kind}")
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
        parts.append(f"{result.n_bad_truth} left out: {result.reference.name} not finite or invalid")
    if result.remark:
        parts.append(result.remark)
    return "; ".join(parts)
