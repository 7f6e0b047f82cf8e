"""True against predicted classes of a classification: counts, efficiencies, purities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.results import Floats, TaskResult
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.quantities import PERCENT

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Share:
    """Shares of events, each of any shape; NaN without an event to take them of.

    Attributes
    ----------
    value
        The share, 0 to 1.
    error
        Its statistical error, never zero.
    """

    value: Floats
    error: Floats

    @property
    def texts(self) -> list[str]:
        """Percentages with their errors, one by one; nothing where there is no event."""
        pairs = zip(np.atleast_1d(self.value), np.atleast_1d(self.error), strict=True)
        return [with_error(Number(*pair).scaled(PERCENT.factor), places=1) for pair in pairs]


def share_of(part: ArrayLike, total: ArrayLike) -> Share:
    """Return the share of events that fulfil a condition, with its binomial error.

    Parameters
    ----------
    part, total
        Numbers of events, of the same shape.

    Returns
    -------
    Share
        The error is the standard deviation of the beta distribution that a uniform prior becomes: unlike
        √(p(1 − p)/n) it does not vanish for p = 0 and 1. Source: M. Paterno, FERMILAB-TM-2286-CD (2004).
    """
    k, n = np.asarray(part, np.float64), np.asarray(total, np.float64)
    value = np.divide(k, n, out=np.full(n.shape, np.nan), where=n > 0)
    variance = (k + 1) * (n - k + 1) / ((n + 2) ** 2 * (n + 3))
    return Share(value, np.where(n > 0, np.sqrt(variance), np.nan))


@dataclass(frozen=True)
class ClassCounts:
    """Events by true and predicted class.

    Attributes
    ----------
    matrix
        (classes, classes) numbers of events: a row per true class, a column per predicted one.
    """

    matrix: NDArray[np.int64]

    @property
    def accuracy(self) -> Share:
        """Share of the events whose class is right."""
        return share_of(np.trace(self.matrix), self.matrix.sum())

    @property
    def efficiency(self) -> Share:
        """(classes,) share of the events of a true class that are predicted to be of it."""
        return share_of(np.diag(self.matrix), self.matrix.sum(axis=1))

    @property
    def purity(self) -> Share:
        """(classes,) share of the events predicted to be of a class that are."""
        return share_of(np.diag(self.matrix), self.matrix.sum(axis=0))


def count_classes(result: TaskResult) -> ClassCounts:
    """Count the events of a classification by true and predicted class.

    Parameters
    ----------
    result
        Of a task with classes; as many are counted as occur.

    Raises
    ------
    AnalysisError
        If a true or predicted class is none of the task's.
    """
    truth, prediction = (np.rint(x[:, 0]).astype(np.int64) for x in (result.truth, result.prediction))
    most = result.spec.n_classes - 1
    for what, classes in (("true", truth), ("predicted", prediction)):
        strange = classes[(classes < 0) | (classes > most)]
        if len(strange):
            raise AnalysisError(
                f"task {result.task!r}: {what} class {strange[0]}, {len(strange)} of {len(classes)} events "
                f"have none of the task's; expected classes 0 to {most}"
            )
    n = int(max(truth.max(), prediction.max())) + 1
    matrix = np.zeros((n, n), dtype=np.int64)
    np.add.at(matrix, (truth, prediction), 1)
    return ClassCounts(matrix)


def class_table(result: TaskResult) -> Table:
    """Return a rich table of a classification: counts, efficiency and purity of every class."""
    from rich import box
    from rich.table import Table

    counts = count_classes(result)
    title = f"{result.task}: {counts.accuracy.texts[0]} % of {len(result)} events right"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("true", no_wrap=True)
    for predicted in range(len(counts.matrix)):
        table.add_column(f"as {predicted}", justify="right", no_wrap=True)
    table.add_column("efficiency %", justify="right", no_wrap=True)
    table.add_column("purity %", justify="right", no_wrap=True)
    rows = zip(counts.matrix, counts.efficiency.texts, counts.purity.texts, strict=True)
    for number, (row, efficiency, purity) in enumerate(rows):
        table.add_row(str(number), *map(str, row.tolist()), efficiency, purity)
    return table
