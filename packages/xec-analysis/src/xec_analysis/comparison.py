"""The network beside the conventional estimators, on the same events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xec_analysis.baselines import Baselines
from xec_analysis.errors import AnalysisError
from xec_analysis.profiles import WIDTH_ERROR
from xec_analysis.quantities import PERCENT, quantity
from xec_analysis.results import Floats, Results, TaskResult
from xec_analysis.table import three_digits
from xec_data.reader import EventReader
from xec_models.metrics import half_width_68, opening_angle, percentile_68

if TYPE_CHECKING:
    from rich.table import Table

_CHUNK = 500


@dataclass(frozen=True)
class Duel:
    """One quantity, resolved by both.

    Attributes
    ----------
    name, unit
        What, and in which unit the widths are.
    network, baseline
        68 % widths.
    n_events
        Events that both have a number for.
    """

    name: str
    unit: str
    network: float
    baseline: float
    n_events: int

    @property
    def winner(self) -> str:
        """`network`, `baseline`, or `even` if the difference is below twice its statistical error."""
        error = WIDTH_ERROR * np.hypot(self.network, self.baseline) / np.sqrt(max(self.n_events, 1))
        if abs(self.network - self.baseline) < 2 * error:
            return "even"
        return "network" if self.network < self.baseline else "baseline"


def predict_baselines(baselines: Baselines, path: str | Path) -> dict[str, Floats]:
    """Run the estimators over all events of a file.

    Returns
    -------
    dict
        Task to (n, outputs), in the order of the file.
    """
    with EventReader(path, ("npho", "time"), chunk_size=_CHUNK) as reader:
        parts = [baselines.predict(chunk) for chunk in reader]
    return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}


def compare(results: Results, baseline: dict[str, Floats]) -> list[Duel]:
    """Compare predictions with the estimators, event by event the same ones.

    Parameters
    ----------
    results
        Predictions for a file.
    baseline
        `predict_baselines` for the same file.

    Raises
    ------
    AnalysisError
        If the two have different numbers of events.
    """
    duels = []
    for task, result in results.tasks.items():
        if task not in baseline:
            continue
        if len(baseline[task]) != result.n_events:
            n = len(baseline[task])
            raise AnalysisError(
                f"{results.source}: {result.n_events} predictions; expected {n}, one per event"
            )
        duels += _duels(result, baseline[task][result.entries])
    return duels


def comparison_table(duels: list[Duel], title: str) -> Table:
    """The widths side by side, the better one in bold."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("68 % width of", no_wrap=True)
    for name in ("network", "baseline"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("better", no_wrap=True)
    table.add_column("network / baseline", justify="right")
    for duel in duels:
        numbers = {
            "network": three_digits(duel.network, like=duel.baseline),
            "baseline": three_digits(duel.baseline),
        }
        numbers = {
            "network": three_digits(duel.network, like=duel.baseline),
            "baseline": three_digits(duel.baseline),
        }
        cells = (f"[bold]{text}[/]" if name == duel.winner else text for name, text in numbers.items())
        ratio = f"{duel.network / duel.baseline:.2f}" if duel.baseline > 0 else ""
        table.add_row(duel.name, *cells, duel.unit, duel.winner, ratio)
    return table


def _duels(result: TaskResult, estimate: Floats) -> list[Duel]:
    both = np.isfinite(estimate).all(axis=1)
    network, baseline, truth = result.prediction[both], estimate[both], result.truth[both]
    n = int(both.sum())
    if result.task == "angle":
        mine, theirs = (percentile_68(opening_angle(guess, truth)) for guess in (network, baseline))
        return [Duel("emission angle (opening)", quantity("opening").unit.name, mine, theirs, n)]
    duels = []
    for column, output in enumerate(result.outputs):
        scale = truth[:, column] if output == "energy" else 1.0
        mine, theirs = (
            half_width_68((guess[:, column] - truth[:, column]) / scale) for guess in (network, baseline)
        )
        unit = PERCENT if output == "energy" else quantity(output).residual_unit(min(mine, theirs))
        name = quantity(output).plain
        duels.append(Duel(name, unit.name, mine * unit.factor, theirs * unit.factor, n))
    return duels
