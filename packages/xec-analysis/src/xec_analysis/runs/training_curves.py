"""Curves of a training against the epoch, from metrics.csv: losses, learning rate, resolution, accuracy."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import three_digits
from xec_analysis.runs.text_files import read_text
from xec_analysis.style.figures import CYCLE, new_slide, plain_log, save_sheets, style
from xec_analysis.style.quantities import PERCENT, Quantity, joint_quantity, quantity_of, with_unit
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_geometry import FACES
from xec_geometry.detector.faces import FACE_TABLE
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_COLUMNS, _PANELS = 3, 6
_CAPTION = (
    "Losses, learning rate, and the 68 % width or share of right classes of every output in the validation, "
    "epoch by epoch; the loss is what the training makes small."
)
_MARKERS = "osD^vPX"
# A narrower range needs no logarithm.
_WIDE = 3.0

_FIELDS = ("epoch", "metric", "value")


@dataclass(frozen=True)
class Curve:
    """A metric against the epoch, both of shape (n,); the last value of each epoch counts."""

    epoch: Floats
    value: Floats


def read_metrics(path: Path) -> dict[str, Curve]:
    """Read the curves of a training.

    Parameters
    ----------
    path
        `metrics.csv` of a run directory: columns epoch, step, metric, value, timestamp.

    Returns
    -------
    dict
        Metric name to curve, in the order of the file.

    Raises
    ------
    AnalysisError
        If the file is missing, no text, lacks a column, or holds something that is not a number.
    """
    if not path.is_file():
        raise AnalysisError(f"{path.parent}: no {path.name} in this run; a training writes it")
    values: dict[str, dict[float, float]] = defaultdict(dict)
    rows = csv.DictReader(io.StringIO(_without_torn_row(read_text(path)), newline=""))
    try:
        missing = [name for name in _FIELDS if name not in (rows.fieldnames or ())]
        if missing:
            raise AnalysisError(
                f"{path}: no column {missing[0]!r}; found {', '.join(map(repr, rows.fieldnames or ()))}"
            )
        for row in rows:
            if row["epoch"] and row["metric"] and row["value"]:
                values[row["metric"]][_epoch(row["epoch"])] = float(row["value"])
    except (ValueError, csv.Error) as error:
        raise AnalysisError(f"{path}: line {rows.line_num}: {error}") from error
    return {
        name: Curve(np.array(list(points)), np.array(list(points.values())))
        for name, points in values.items()
    }


def _without_torn_row(text: str) -> str:
    """Leave out the last row of a training that was killed, whose value may lack its last digits."""
    whole, end, last = text.rpartition("\n")
    columns = whole.partition("\n")[0].strip().split(",")
    is_torn = "value" in columns and last.count(",") <= columns.index("value") < len(columns)
    return whole + end if is_torn else text


def _epoch(text: str) -> float:
    epoch = float(text)
    if not math.isfinite(epoch):
        raise ValueError(f"an epoch is {text!r}, expected a number")
    return epoch


def draw_training_curves(run: RunDirectory, path: Path) -> list[Path]:
    """Draw losses, learning rate and the resolution or accuracy of every output against the epoch.

    Parameters
    ----------
    run
        A run directory with `metrics.csv`.
    path
        File to write; more slides than one are further pages of a PDF, or further files.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    AnalysisError
        As `read_metrics`, or if there is no value in it.
    """
    curves = read_metrics(run.metrics)
    panels = panels_of(curves)
    if not panels:
        found = ", ".join(curves) or "none"
        raise AnalysisError(f"{run.metrics}: no losses or resolutions in it; found {found}")
    return save_sheets(curve_figures(run.name, panels, curves), path)


def curve_figures(name: str, panels: Sequence[Panel], curves: Mapping[str, Curve]) -> Iterator[Figure]:
    """Draw panels of curves on as many slides as they need.

    Parameters
    ----------
    name
        The run.
    panels
        From `panels_of`, at least one.
    curves
        Metric to curve.

    Yields
    ------
    Figure
        In the style of xec.
    """
    from matplotlib.gridspec import GridSpec

    n_epochs = len({float(epoch) for panel in panels for m in panel.metrics for epoch in curves[m].epoch})
    subtitle = "one epoch" if n_epochs == 1 else f"{n_epochs} epochs"
    n_slides = -(-len(panels) // _PANELS)
    with style():
        for k in range(n_slides):
            # Slides with about equally many panels.
            shown = panels[k * len(panels) // n_slides : (k + 1) * len(panels) // n_slides]
            figure = new_slide(f"Training: {name}", subtitle, "numbers: of the last epoch", _CAPTION)
            n_rows = -(-len(shown) // _COLUMNS)
            grid = GridSpec(n_rows, 1, figure=figure)
            for i in range(n_rows):
                row = shown[i * len(shown) // n_rows : (i + 1) * len(shown) // n_rows]
                cells = grid[i].subgridspec(1, len(row))
                for j, panel in enumerate(row):
                    _draw_panel(figure.add_subplot(cells[j]), panel, curves)
            yield figure


@dataclass(frozen=True)
class Panel:
    """A panel: the label of its axis, metric → label of its curve, and the factor into the unit.

    `rising`: whether the largest value is the best one.
    """

    label: str
    metrics: Mapping[str, str]
    log: bool = False
    factor: float = 1.0
    rising: bool = False


def panels_of(curves: Mapping[str, Curve]) -> list[Panel]:
    """Return the panels of the metrics of a run."""
    panels = []
    losses = {name: text for name, text in _LOSSES.items() if name in curves}
    if losses:
        panels.append(Panel(LOSS, losses, log=all((curves[name].value > 0).all() for name in losses)))
    rates = [name for name in _RATES if name in curves]
    if rates:
        panels.append(Panel("learning rate", {rates[0]: ""}, log=bool((curves[rates[0]].value > 0).all())))
    for task in TASKS.values():
        for output in task.outputs:
            metric = f"{task.metric_prefix}{output.name}_res_68pct"
            panels += _width_panel(
                curves, metric, f"68 % width of {quantity_of(output).symbol}", quantity_of(output)
            )
    for task in TASKS.values():
        if task.joint is not None:
            panels += _width_panel(
                curves, task.joint.metric, f"68 % {task.joint.symbol}", joint_quantity(task.joint)
            )
    for task in TASKS.values():
        if task.n_classes:
            panels += _accuracy_panel(curves, task)
    return panels + _reconstruction_panels(curves)


def _accuracy_panel(curves: Mapping[str, Curve], task: Task) -> list[Panel]:
    """Return the panel of the share of right classes; none without the metric."""
    metric, _ = task.headline
    label = with_unit(f"right {quantity_of(task.outputs[0]).symbol}", PERCENT)
    found = [name for name in spellings(metric) if name in curves]
    return [Panel(label, {name: "validation"}, factor=PERCENT.factor, rising=True) for name in found[:1]]


def _width_panel(curves: Mapping[str, Curve], metric: str, label: str, written: Quantity) -> list[Panel]:
    """Return the panel of a resolution in a unit that suits its last value; none without the metric."""
    name = next((spelling for spelling in spellings(metric) if spelling in curves), None)
    if name is None:
        return []
    finite = curves[name].value[np.isfinite(curves[name].value)]
    unit = written.residual_unit(float(finite[-1]) if len(finite) else 0.0)
    return [Panel(with_unit(label, unit), {name: "validation"}, factor=unit.factor)]


def _reconstruction_panels(curves: Mapping[str, Curve]) -> list[Panel]:
    """Return the panels of networks that reconstruct readings: losses and errors by channel and by face."""
    groups = {
        "loss by channel": {f"loss_{channel}": channel for channel in _CHANNELS},
        "loss by face": {f"loss_{face}": FACE_TABLE[face].title for face in FACES},
        **{
            f"RMSE of {c}, normalized": {f"rmse_{face}_{c}": FACE_TABLE[face].title for face in FACES}
            for c in _CHANNELS
        },
    }
    panels = []
    for label, names in groups.items():
        found = {n: text for name, text in names.items() for n in spellings(name) if n in curves}
        if found:
            panels.append(Panel(label, found, log=all((curves[n].value > 0).all() for n in found)))
    return panels


_CHANNELS = ("npho", "time")

LOSS = "loss"
"""Label of the panel of the losses of training and validation."""

TRAINING_LOSS = ("train/loss", "train_loss")
"""The loss of the training, as metrics call it."""

VALIDATION_LOSS = ("val/loss", "val_loss")
"""The loss of the validation, as metrics call it."""

_LOSSES = {**dict.fromkeys(TRAINING_LOSS, "training"), **dict.fromkeys(VALIDATION_LOSS, "validation")}
_RATES = ("learning_rate", "lr", "train/lr", "train/learning_rate")


def spellings(name: str) -> tuple[str, ...]:
    """Return the names that a metric of the validation may have in files of metrics."""
    return (name, f"val/{name}", f"val_{name}")


def _draw_panel(ax: Axes, panel: Panel, curves: Mapping[str, Curve]) -> None:
    from matplotlib.ticker import MaxNLocator

    for (name, label), colour, marker in zip(panel.metrics.items(), CYCLE, _MARKERS, strict=False):
        curve = curves[name]
        last = f"{label}: {three_digits(float(curve.value[-1]) * panel.factor)}" if label else None
        ax.plot(
            curve.epoch,
            curve.value * panel.factor,
            marker=marker,
            ls="-" if len(curve.epoch) > 1 else "",
            color=colour,
            label=last,
            ms=3.5,
        )
    drawn = np.concatenate([curves[name].value for name in panel.metrics]) * panel.factor
    highest, lowest = np.nanmax(drawn, initial=0.0), np.nanmin(drawn, initial=0.0)
    epochs = np.concatenate([curves[name].epoch for name in panel.metrics])
    if panel.log and np.nanmax(drawn) > _WIDE * np.nanmin(drawn):
        plain_log(ax)
        ax.margins(y=0.15)
    elif highest > lowest >= 0 and not panel.log:
        # A width starts at zero; a loss that is a likelihood may be negative.
        ax.set_ylim(0, 1.3 * highest)
    else:
        ax.margins(y=0.3)
    ax.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")
    ax.set_ylabel(panel.label)
    if any(panel.metrics.values()):
        columns = 2 if len(panel.metrics) > 3 else 1
        ax.legend(loc="upper right", ncols=columns, fontsize=7 if columns > 1 else None)
