"""The resolution profile of a task: the same sheets of panels for every task unless it has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.class_panels import ClassQuality, Confusion
from xec_analysis.resolution.face_maps import FaceMap, JointFaceMap
from xec_analysis.resolution.joint_panels import Distribution, Percentile
from xec_analysis.resolution.panels import Against, Density, Residuals
from xec_analysis.resolution.response_panels import RelativeWidth, Response
from xec_analysis.resolution.results import PHOTONS, TRUTH, Results, TaskResult
from xec_analysis.resolution.sheets import Panel, Sheet
from xec_analysis.resolution.sigma_panels import Pull, SigmaCalibration
from xec_analysis.style.figures import save_sheets, style
from xec_analysis.style.quantities import quantity_of
from xec_data.tasks.output import Output
from xec_data.tasks.task import Task
from xec_geometry.support.registry import Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sheets = tuple[Sheet, ...]

VARIABLES = ("u", "v", "w", "energy")
"""Position and energy of the photon: variables of every page."""

_MAPPED: tuple[Literal["bias", "width"], ...] = ("bias", "width")
_POINTS = "points: median of the variable; bars: extent of the bin, statistical error"

# Captions, for predictions beside the truth and beside a conventional reconstruction alike.
_RESIDUALS = (
    "Above, the differences between prediction and reference with the fitted core, the same on a "
    "logarithmic axis, which shows the tails, and prediction against reference. Below, mean difference "
    "(bias) and 68 % width against "
)
_PHOTON = "position and energy of the photon."
_CLASSES = "Events by true and predicted class, and of every class its efficiency and purity."
_JOINT = (
    "Above, the distribution over the events, and the value below which 68 % of them lie over the inner "
    "face. Below, that value against " + _PHOTON
)
_MAPS = "Mean difference (bias) and 68 % width where the photons crossed the inner face."
_SIGMAS = (
    "Differences over the σ that the network predicts (pulls): of width 1 where σ is right; "
    "and the width that was found where σ is small or large."
)
_RESPONSE = "Mean response and relative width against the energy, with the curve σ/E = a ⊕ b/√E ⊕ c/E."


@dataclass(frozen=True)
class Page:
    """The sheets of a task that does not take the default ones.

    Attributes
    ----------
    name
        Name of the task.
    sheets
        From the task to its sheets.
    """

    name: str
    sheets: Callable[[Task], Sheets]


def default_sheets(task: Task) -> Sheets:
    """Return the sheets of a task without a page of its own.

    A classification shows its confusion matrix, and the efficiency and purity of every class. Of every
    output there are the residuals and their dependence on the photon, with one sheet of maps over the inner
    face; then the joint measure of all outputs, and the predicted uncertainties.
    """
    if task.n_classes:
        name = task.output_names[0]
        key = "in the cells: events, share of the true class"
        return (Sheet("", ((Confusion(name), ClassQuality(name)),), key, _CLASSES),)
    single = len(task.outputs) == 1
    of_outputs = tuple(
        _output_sheet(output, "" if single else quantity_of(output).plain) for output in task.outputs
    )
    return (*of_outputs, *_joint_sheets(task), _map_sheet(task), *_sigma_sheets(task))


def _output_sheet(output: Output, title: str) -> Sheet:
    name, relative = output.name, output.residual == "ratio"
    variables = dict.fromkeys((name, *VARIABLES) if name not in VARIABLES else VARIABLES)
    return Sheet(
        title,
        (
            (Residuals(name, relative=relative), Residuals(name, relative=relative, log=True), Density(name)),
            tuple(Against(name, x, relative=relative) for x in variables),
        ),
        _POINTS,
        _RESIDUALS + _PHOTON,
    )


def _joint_sheets(task: Task) -> Sheets:
    if task.joint is None:
        return ()
    joint = task.joint
    first = (Distribution(joint), JointFaceMap(joint))
    return (Sheet(joint.symbol, (first, tuple(Percentile(joint, x) for x in VARIABLES)), _POINTS, _JOINT),)


def _map_sheet(task: Task) -> Sheet:
    single = len(task.outputs) == 1
    maps: tuple[Panel, ...] = tuple(
        FaceMap(output.name, measure, relative=output.residual == "ratio", upright=not single)
        for output in task.outputs
        for measure in _MAPPED
    )
    return Sheet(
        "on the inner face",
        tuple((one,) for one in maps) if single else (maps,),
        "68 % width: half of the central 68 %; cell: typical error; grey: too few events",
        _MAPS,
    )


def _sigma_sheets(task: Task) -> Sheets:
    names = task.output_names
    pulls: tuple[Panel, ...] = tuple(map(Pull, names))
    calibrations: tuple[Panel, ...] = tuple(map(SigmaCalibration, names))
    rows = (pulls, calibrations) if len(names) > 1 else ((*pulls, *calibrations),)
    return (Sheet("predicted uncertainty", rows, "bars: statistical error", _SIGMAS),)


def _energy_sheets(task: Task) -> Sheets:
    name = task.output_names[0]
    response: tuple[Panel, ...] = (Response(name), RelativeWidth(name))
    others = tuple(Against(name, x, relative=True) for x in (*VARIABLES[:3], PHOTONS))
    return (
        Sheet(
            "",
            (
                (Residuals(name, relative=True), Residuals(name, relative=True, log=True), Density(name)),
                others,
            ),
            _POINTS,
            _RESIDUALS + "position and, where the file has the readings, number of photons.",
        ),
        Sheet("response and resolution", (response,), _POINTS, _RESPONSE),
        _map_sheet(task),
        *_sigma_sheets(task),
    )


def _timing_sheets(task: Task) -> Sheets:
    name = task.output_names[0]
    first = _output_sheet(task.outputs[0], "")
    against = tuple(Against(name, x) for x in (PHOTONS, *VARIABLES))
    return (
        Sheet("", (first.rows[0], against), _POINTS, first.caption),
        _map_sheet(task),
        *_sigma_sheets(task),
    )


PAGES = Registry(
    "page",
    (Page("energy", _energy_sheets), Page("timing", _timing_sheets)),
    group="xec.pages",
    error=AnalysisError,
)
"""Pages of their own, by task; every other task has the default one."""


def sheets_of(result: TaskResult) -> list[Sheet]:
    """Return the sheets of a task without the panels whose variable the file does not have."""
    sheets = PAGES[result.task].sheets if result.task in PAGES else default_sheets
    return [drawable for sheet in sheets(result.spec) if (drawable := sheet.of(result)).rows]


def figures_of(result: TaskResult, name: str) -> Iterator[Figure]:
    """Draw the sheets of one task.

    Parameters
    ----------
    result
        Predictions and truth of at least one event.
    name
        Run or file, for the header.

    Yields
    ------
    Figure
        A figure for each sheet, in the style of xec.
    """
    with style():
        for sheet in sheets_of(result):
            yield sheet.draw(result, _title(result, sheet, name), _census(result))


def draw_page(result: TaskResult, name: str, path: Path) -> list[Path]:
    """Draw the resolution profile of one task.

    Parameters
    ----------
    result, name
        As for `figures_of`.
    path
        File to write; its suffix gives the format. A PDF has a page for each sheet; of the other formats
        the second sheet is `<name>_2.<suffix>`, and so on.

    Returns
    -------
    list of Path
        The files written.
    """
    return save_sheets(figures_of(result, name), path)


def draw_pages(results: Results, folder: Path, kind: str = "pdf") -> list[Path]:
    """Draw the resolution profiles of all tasks into an existing folder.

    Returns
    -------
    list of Path
        The files, `resolution_profile_<task>_<name>.<kind>` as `draw_page` writes them; without a truth
        `comparison_…`.
    """
    beginning = "resolution_profile" if results.reference is TRUTH else "comparison"
    return [
        path
        for task, result in results.tasks.items()
        for path in draw_page(result, results.name, folder / f"{beginning}_{task}_{results.name}.{kind}")
    ]


def _title(result: TaskResult, sheet: Sheet, name: str) -> str:
    what = result.spec.title or result.task
    if result.reference is not TRUTH:
        what += f" against the {result.reference.name}"
    return f"{what}, {sheet.title}: {name}" if sheet.title else f"{what}: {name}"


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
