"""The network beside the conventional estimators, on the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.file_estimates import Estimates
from xec_analysis.resolution.digits import three_digits, with_error
from xec_analysis.resolution.paired_widths import Ratios, best_method, is_smaller, width_ratios
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.resolution.statistics import Number, containment, half_width, mixture_half_width
from xec_analysis.style.quantities import PERCENT, Unit, joint_quantity, quantity_of
from xec_models.regressor.metrics import half_width_68, percentile_68

if TYPE_CHECKING:
    from rich.table import Table

NETWORK = "network"
LIMIT = "limit"


@dataclass(frozen=True)
class WidthComparison:
    """Widths of one quantity by several methods on the same events.

    Attributes
    ----------
    name, unit
        Name of the quantity, and unit of the widths.
    widths
        68 % width by method; `NETWORK` is one.
    ratios
        Ratios of widths, for every ordered pair of methods.
    n_events
        Number of events with an estimate of every method.
    limit
        The width that no method can be better than, for events of the simplest kind; None if unknown.
    """

    name: str
    unit: str
    widths: Mapping[str, Number]
    ratios: Ratios
    n_events: int
    limit: float | None = None

    def better(self, one: str, other: str) -> bool:
        """Tell if one method is better than the other by more than twice the error of their ratio."""
        return is_smaller(self.ratios[one, other])

    @property
    def best(self) -> str:
        """The method that is better than all others, or ``even``."""
        return best_method(self.ratios) or "even"


def compare(
    results: Results, estimates: Mapping[str, Estimates], limits: Estimates | None = None
) -> list[WidthComparison]:
    """Compare predictions with estimators, event by event the same ones.

    Parameters
    ----------
    results
        Predictions for a file.
    estimates
        By name, `estimate_file` for the same file.
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
    """Return a rich table of the widths, in bold one that is better than all others."""
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
        numbers = {name: with_error(comparison.widths[name]) for name in methods}
        cells = [f"[bold]{text}[/]" if name == comparison.best else text for name, text in numbers.items()]
        if limited:
            cells.append("" if comparison.limit is None else three_digits(comparison.limit))
        table.add_row(comparison.name, *cells, comparison.unit)
    return table


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
    truth, joint = result.truth[everywhere], result.spec.joint
    comparisons = []
    if joint is not None:
        off = {name: joint.function(values, truth) for name, values in estimates.items()}
        widths = {name: containment(values) for name, values in off.items()}
        unit = joint_quantity(joint).residual_unit(_smallest(widths))
        comparisons.append(_scaled(joint.symbol, widths, unit, width_ratios(off, percentile_68), len(truth)))
    # The components of a direction mean nothing one by one.
    for column, output in enumerate(() if result.spec.direction is not None else result.spec.outputs):
        ratio = output.residual == "ratio"
        scale = truth[:, column] if ratio else 1.0
        residuals = {
            name: output.difference(values[:, column], truth[:, column]) / scale
            for name, values in estimates.items()
        }
        widths = {name: half_width(values) for name, values in residuals.items()}
        written = quantity_of(output)
        unit = PERCENT if ratio else written.residual_unit(_smallest(widths))
        best = None
        if limit is not None:
            sigma = limit[everywhere, column] / scale
            best = mixture_half_width(sigma[np.isfinite(sigma)]) if np.isfinite(sigma).any() else None
        ratios = width_ratios(residuals, half_width_68)
        comparisons.append(_scaled(written.plain, widths, unit, ratios, len(truth), best))
    return comparisons


def _smallest(widths: Mapping[str, Number]) -> float:
    return min(number.value for number in widths.values())


def _scaled(
    name: str,
    widths: Mapping[str, Number],
    unit: Unit,
    ratios: Ratios,
    n_events: int,
    limit: float | None = None,
) -> WidthComparison:
    return WidthComparison(
        name,
        unit.name,
        {who: width.scaled(unit.factor) for who, width in widths.items()},
        ratios,
        n_events,
        None if limit is None else limit * unit.factor,
    )
