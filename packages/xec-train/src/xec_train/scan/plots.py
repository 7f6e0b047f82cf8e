"""The plots that optuna makes of a study, as files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xec_geometry.support.output import atomic_output, make_folder
from xec_geometry.support.registry import Registry
from xec_geometry.support.text import first_line
from xec_train.scan.errors import ScanError
from xec_train.scan.progress import COMPLETE, Scan, state_of
from xec_train.scan.study import Queue

_SIZE = (9.0, 4.8)
_MOST_IN_A_LEGEND = 15


@dataclass(frozen=True)
class StudyPlot:
    """A plot.

    Attributes
    ----------
    name
        Name of its file.
    title
        Its title.
    draw
        Draws a study of optuna, whose values are called by the second argument; returns the axes.
    least
        Completed trials that it needs.
    parameters
        Parameters that it needs.
    """

    name: str
    title: str
    draw: Callable[[Any, str], Any]
    least: int = 1
    parameters: int = 1


def _history(study: Any, metric: str) -> Any:
    from optuna.visualization.matplotlib import plot_optimization_history

    axes = plot_optimization_history(study, target_name=metric)
    axes.legend(loc="upper right")
    return axes


def _importance(study: Any, metric: str) -> Any:
    from optuna.importance import PedAnovaImportanceEvaluator
    from optuna.visualization.matplotlib import plot_param_importances

    # It needs no further package, and the best trials count, not the worst.
    axes = plot_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), target_name=metric)
    axes.set(xlabel=f"importance for {metric}", ylabel="")
    _without_legend(axes)
    return axes


def _slice(study: Any, metric: str) -> Any:
    from optuna.visualization.matplotlib import plot_slice

    return plot_slice(study, target_name=metric)


def _parallel(study: Any, metric: str) -> Any:
    from matplotlib.ticker import NullFormatter
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    axes = plot_parallel_coordinate(study, target_name=metric)
    for one in axes.figure.axes:
        # Labels between the decades would lie on those of the colours.
        one.yaxis.set_minor_formatter(NullFormatter())
        for lines in one.collections:
            lines.set_cmap("viridis")
        for label in one.get_yticklabels():
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5})
    # The last axis has its numbers on the right, where the colours are.
    axes.figure.axes[1].set_position((0.97, 0.11, 0.015, 0.77))
    return axes


def _epochs(study: Any, metric: str) -> Any:
    from matplotlib.ticker import MaxNLocator
    from optuna.visualization.matplotlib import plot_intermediate_values

    axes = plot_intermediate_values(study)
    axes.set(xlabel="epoch", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(axes.lines) > _MOST_IN_A_LEGEND:
        _without_legend(axes)
    return axes


def _without_legend(axes: Any) -> None:
    if (legend := axes.get_legend()) is not None:
        legend.remove()


PLOTS: Registry[StudyPlot] = Registry(
    "plot of a study",
    [
        StudyPlot("history", "value of every trial", _history),
        # Of fewer trials it would say anything.
        StudyPlot("importance", "importance of the parameters", _importance, least=10, parameters=2),
        StudyPlot("slice", "value against each parameter", _slice),
        StudyPlot("parallel", "values and parameters", _parallel, parameters=2),
        StudyPlot("epochs", "epochs of every trial", _epochs),
    ],
    group="xec.study_plots",
    error=ScanError,
)
"""The plots by name; installed packages add theirs in the group ``xec.study_plots``."""


def write_plots(scan: Scan, warn: Callable[[str], None]) -> list[Path]:
    """Write the plots of all steps into the folder ``plots`` of the study; return the files.

    Parameters
    ----------
    scan
        The study.
    warn
        Called with a line about what cannot be drawn.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        warn("no plots of the study: they need matplotlib: pip install 'xec-train[scan]'")
        return []
    mpl.use("Agg", force=False)
    make_folder(scan.folder.plots)
    return [path for queue in scan.begun for path in _of_step(queue, warn)]


def _of_step(queue: Queue, warn: Callable[[str], None]) -> Iterator[Path]:
    import matplotlib.pyplot as plt

    n_complete = sum(state_of(trial) == COMPLETE for trial in queue.trials())
    study, folder = queue.open(), queue.folder.plots
    prefix = f"{queue.search.name}_" if queue.search.name else ""
    for plot in PLOTS.values():
        if n_complete < plot.least or len(queue.search.space) < plot.parameters:
            continue
        path = folder / f"{prefix}{plot.name}.png"
        try:
            with warnings.catch_warnings(), plt.rc_context():
                warnings.simplefilter("ignore")
                plt.rc("figure", figsize=_SIZE)
                figure = _titled(plot.draw(study, queue.space.metric), f"{queue.name}: {plot.title}")
                with atomic_output(path) as temporary:
                    figure.savefig(temporary, format="png", dpi=150, bbox_inches="tight")
        except Exception as error:
            # A plot is no reason to lose the others.
            warn(f"{path.name} cannot be drawn: {type(error).__name__}: {first_line(error)}")
        else:
            yield path
        finally:
            plt.close("all")


def _titled(axes: Any, title: str) -> Any:
    first = axes.flat[0] if hasattr(axes, "flat") else axes
    figure = first.figure
    for one in figure.axes:
        for place in ("left", "center"):
            one.set_title("", loc=place)
    figure.suptitle(title, size=12)
    return figure
