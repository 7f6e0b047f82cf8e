"""The network beside the conventional estimators, on the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.profiles import mixture_half_width
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.resolution.table import three_digits
from xec_analysis.style.quantities import PERCENT, Unit, joint_quantity, quantity_of
from xec_data.reading.reader import EventReader
from xec_models.regressor.metrics import WIDTH_ERROR, half_width_68, percentile_68

if TYPE_CHECKING:
    from rich.table import Table

    from xec_analysis.estimators.baselines import Baselines

Estimates = dict[str, Floats]

NETWORK = "network"
LIMIT = "limit"
_CHUNK = 500


@dataclass(frozen=True)
class WidthComparison:
    """Widths of one quantity by several methods on the same events.

    Attributes
    ----------
    name, unit
        Name of the quantity, and unit of the widths.
    widths
        68 % width by method; `NETWORK` is one.
    n_events
        Number of events with an estimate of every method.
    limit
        The width that no method can be better than, for events of the simplest kind; None if unknown.
    """

    name: str
    unit: str
    widths: Mapping[str, float]
    n_events: int
    limit: float | None = None

    def error(self, method: str) -> float:
        """Return the statistical error of a width, for Gaussian residuals."""
        return float(WIDTH_ERROR * self.widths[method] / np.sqrt(max(self.n_events, 1)))

    def better(self, one: str, other: str) -> bool:
        """Tell if one method is better than the other by more than twice the statistical error."""
        error = np.hypot(self.error(one), self.error(other))
        return bool(self.widths[other] - self.widths[one] > 2 * error)

    @property
    def best(self) -> str:
        """The method that is better than all others, or ``even``."""
        first = min(self.widths, key=self.widths.__getitem__)
        others = [name for name in self.widths if name != first]
        return first if all(self.better(first, name) for name in others) else "even"


def predict_baselines(baselines: Baselines, path: str | Path) -> Estimates:
    """Run estimators over all events of a file.

    Returns
    -------
    dict
        Task to (n, outputs), in the order of the file.
    """
    with EventReader(path, ("npho", "time"), chunk_size=_CHUNK) as reader:
        parts = [baselines.predict(chunk) for chunk in reader]
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}


def compare(
    results: Results, estimates: Mapping[str, Estimates], limits: Estimates | None = None
) -> list[WidthComparison]:
    """Compare predictions with estimators, event by event the same ones.

    Parameters
    ----------
    results
        Predictions for a file.
    estimates
        By name, `predict_baselines` for the same file.
    limits
        Task to (n, outputs), the smallest possible standard deviations in every event of the file.

    Raises
    ------
    AnalysisError
        If they have different numbers of events.
    """
    comparisons = []
    for task, result in results.tasks.items():
        theirs = {name: estimate[task] for name, estimate in estimates.items() if task in estimate}
        for name, values in theirs.items():
            if len(values) != result.n_events:
                raise AnalysisError(
                    f"{results.source}: {result.n_events} predictions; expected {len(values)}, one for each "
                    f"event of the {name} estimators"
                )
        if theirs:
            chosen = {name: values[result.entries] for name, values in theirs.items()}
            limit = None if limits is None or task not in limits else limits[task][result.entries]
            comparisons += _compare_task(result, {NETWORK: result.prediction, **chosen}, limit)
    return comparisons


def comparison_table(comparisons: list[WidthComparison], title: str) -> Table:
    """Return a rich table of the widths, the best one in bold."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("68 % width of", no_wrap=True)
    methods = list(comparisons[0].widths)
    for name in methods:
        table.add_column(name, justify="right", no_wrap=True)
    limited = any(comparison.limit is not None for comparison in comparisons)
    if limited:
        table.add_column(LIMIT, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for comparison in comparisons:
        numbers = {name: _with_error(comparison, name) for name in methods}
        cells = [f"[bold]{text}[/]" if name == comparison.best else text for name, text in numbers.items()]
        if limited:
            cells.append("" if comparison.limit is None else three_digits(comparison.limit))
        table.add_row(comparison.name, *cells, comparison.unit)
    return table


def _with_error(comparison: WidthComparison, method: str) -> str:
    """Write a width to the digit in which its error begins."""
    width, error = comparison.widths[method], comparison.error(method)
    if not np.isfinite(error) or error <= 0:
        return three_digits(width)
    digits = max(0, 1 - int(np.floor(np.log10(error))))
    return f"{width:.{digits}f} ± {error:.{digits}f}"


def verdict(comparisons: list[WidthComparison], rival: str) -> str:
    """Return a sentence about the quantities in which the network is better, as good or worse."""
    groups: dict[str, list[str]] = {"better than": [], "as good as": [], "worse than": []}
    for comparison in comparisons:
        better, worse = comparison.better(NETWORK, rival), comparison.better(rival, NETWORK)
        groups["better than" if better else "worse than" if worse else "as good as"].append(comparison.name)
    parts = [f"{how} the {rival} estimators in {', '.join(names)}" for how, names in groups.items() if names]
    return f"The network is {'; '.join(parts)}."


def _compare_task(
    result: TaskResult, estimates: Mapping[str, Floats], limit: Floats | None
) -> list[WidthComparison]:
    everywhere = np.all([np.isfinite(values).all(axis=1) for values in estimates.values()], axis=0)
    estimates = {name: values[everywhere] for name, values in estimates.items()}
    truth, n, joint = result.truth[everywhere], int(everywhere.sum()), result.spec.joint
    comparisons = []
    if joint is not None:
        off = {name: percentile_68(joint.function(values, truth)) for name, values in estimates.items()}
        comparisons.append(
            _scaled(joint.symbol, off, joint_quantity(joint).residual_unit(min(off.values())), n)
        )
    # The components of a direction mean nothing one by one.
    for column, output in enumerate(() if result.spec.direction is not None else result.spec.outputs):
        ratio = output.residual == "ratio"
        scale = truth[:, column] if ratio else 1.0
        widths = {
            name: half_width_68(output.difference(values[:, column], truth[:, column]) / scale)
            for name, values in estimates.items()
        }
        written = quantity_of(output)
        unit = PERCENT if ratio else written.residual_unit(min(widths.values()))
        best = None
        if limit is not None:
            sigma = limit[everywhere, column] / scale
            best = mixture_half_width(sigma[np.isfinite(sigma)]) if np.isfinite(sigma).any() else None
        comparisons.append(_scaled(written.plain, widths, unit, n, best))
    return comparisons


def _scaled(
    name: str, widths: Mapping[str, float], unit: Unit, n_events: int, limit: float | None = None
) -> WidthComparison:
    return WidthComparison(
        name,
        unit.name,
        {who: width * unit.factor for who, width in widths.items()},
        n_events,
        None if limit is None else limit * unit.factor,
    )
