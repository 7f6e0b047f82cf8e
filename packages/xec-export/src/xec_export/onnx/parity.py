"""The comparison of an exported graph with the network it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.onnx.parity_events import ParityEvents, damaged_events

Floats = NDArray[np.float32]
Predict = Callable[[Floats, Floats], dict[str, Floats]]

TOLERANCE = 1e-4

# A single event, an odd handful, and more than any loop over single events would hide.
BATCHES = (1, 3, 64)

# The scale of an output that hardly varies: rounding grows with its size.
_SMALLEST_SPREAD = 0.01


@dataclass(frozen=True)
class Difference:
    """The largest difference of one column of one output.

    Attributes
    ----------
    output, column, unit
        Output, column and its unit: ``angle``, ``theta``, ``deg``.
    absolute
        The largest difference, in the unit.
    scale
        The reference: the spread of the column over the events or in the training, whichever
        is larger, and at least 1 % of its largest value.
    case
        Batch in which it occurred: ``batch 64``, ``all NaN``.
    """

    output: str
    column: str
    unit: str
    absolute: float
    scale: float
    case: str

    @property
    def relative(self) -> float:
        """The largest difference as a fraction of the scale."""
        return self.absolute / self.scale if self.absolute else 0.0


@dataclass(frozen=True)
class ParityReport:
    """The comparison of two forms of one network.

    Attributes
    ----------
    source
        Where the events came from.
    n_events
        Number of pairs of predictions compared.
    tolerance
        The largest relative difference allowed.
    differences
        One for each number that the network predicts.
    """

    source: str
    n_events: int
    tolerance: float
    differences: tuple[Difference, ...]

    @property
    def worst(self) -> Difference:
        """The largest relative difference."""
        return max(self.differences, key=lambda difference: difference.relative)

    @property
    def passed(self) -> bool:
        """Whether every difference is within the tolerance."""
        return self.worst.relative <= self.tolerance


class ParityError(ExportError):
    """An exported graph whose predictions differ from the network's.

    Parameters
    ----------
    message
        One line.
    report
        The whole comparison.
    """

    def __init__(self, message: str, report: ParityReport) -> None:
        super().__init__(message)
        self.report = report


def compare(
    reference: Predict,
    exported: Predict,
    description: ModelDescription,
    events: ParityEvents,
    tolerance: float = TOLERANCE,
) -> ParityReport:
    """Compare two predictions at batches of 1, 3 and 64 events, and on damaged events.

    Parameters
    ----------
    reference, exported
        Map raw (npho, time), (n, n_sensors) each, to output name → (n, columns), in one batch.
    description
        Names and units of the outputs.
    events
        At least 64 events.
    tolerance
        The largest difference allowed, as a fraction of the scale of each column.

    Returns
    -------
    ParityReport
        The largest differences.

    Raises
    ------
    ExportError
        If an output is finite in no event: equal gaps prove nothing.
    """
    cases = {f"batch {n}": (events.npho[:n], events.time[:n]) for n in BATCHES}
    cases |= damaged_events(events)
    pairs = {case: (reference(*inputs), exported(*inputs)) for case, inputs in cases.items()}
    ordinary = pairs[f"batch {max(BATCHES)}"][0]
    for output in description.outputs:
        if not np.isfinite(ordinary[output.name]).any():
            raise ExportError(
                f"{events.source}: none of the {max(BATCHES)} events compared has a finite '{output.name}'; "
                "expected events with light and times"
            )
    differences = [
        _largest_difference(output, column, ordinary[output.name][:, column], pairs)
        for output in description.outputs
        for column in range(len(output.columns))
    ]
    n_events = sum(len(npho) for npho, _ in cases.values())
    return ParityReport(events.source, n_events, tolerance, tuple(differences))


def _largest_difference(
    output: OutputDescription,
    column: int,
    ordinary: Floats,
    pairs: dict[str, tuple[dict[str, Floats], dict[str, Floats]]],
) -> Difference:
    largest, where, size = 0.0, "-", 0.0
    for case, (expected, found) in pairs.items():
        a = expected[output.name][:, column].astype(float)
        b = found[output.name][:, column].astype(float)
        difference = float(_absolute_difference(a, b).max())
        size = max(size, float(np.abs(a[np.isfinite(a)]).max(initial=0.0)))
        if difference > largest:
            largest, where = difference, case
    spread = float(np.std(ordinary[np.isfinite(ordinary)].astype(float))) if len(ordinary) else 0.0
    scale = max(spread, output.scale[column], _SMALLEST_SPREAD * size)
    return Difference(output.name, output.columns[column], output.unit_of(column), largest, scale, where)


def _absolute_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    # One of the two not finite where the other is: no difference could be larger.
    return np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))
