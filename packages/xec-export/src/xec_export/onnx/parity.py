"""The comparison of an exported graph with the network it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xec_data.schema.branches import INVALID_ABOVE
from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.onnx.parity_events import BATCHES, ParityEvents, comparison_cases

Floats = NDArray[np.float32]
Outputs = Mapping[str, Floats]
Predict = Callable[..., Outputs]
"""Maps the inputs of a network, (n, sensors) each, to its outputs by name, in one batch."""

TOLERANCE = 1e-4

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
        is larger, and at least 1 % of its largest value; for readings of sensors, the reading itself if that
        is larger.
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
    """Compare two forms of a network at batches of 0, 1, 3 and 64 events, and on damaged events.

    Parameters
    ----------
    reference, exported
        The two forms.
    description
        Inputs and outputs.
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
    cases = comparison_cases(description.inputs, events)
    pairs = [_Pair(case, inputs, reference(*inputs), exported(*inputs)) for case, inputs in cases.items()]
    ordinary = next(pair.expected for pair in pairs if pair.case == f"batch {max(BATCHES)}")
    for output in description.outputs:
        if not np.isfinite(ordinary[output.name]).any():
            raise ExportError(
                f"{events.source}: none of the {max(BATCHES)} events compared has a finite '{output.name}'; "
                "expected events with light and times"
            )
    differences: list[Difference] = []
    for output in description.outputs:
        undecided = _undecided(output, differences, tolerance)
        differences += [
            _largest_difference(output, column, ordinary[output.name], pairs, undecided)
            for column in range(len(output.columns))
        ]
    n_events = sum(len(pair.inputs[0]) for pair in pairs)
    return ParityReport(events.source, n_events, tolerance, tuple(differences))


@dataclass(frozen=True)
class _Pair:
    """What two forms of a network gave for the same inputs."""

    case: str
    inputs: tuple[Floats, ...]
    expected: Outputs
    found: Outputs


Undecided = Callable[[Outputs], NDArray[np.bool_] | None]


def _undecided(output: OutputDescription, earlier: Sequence[Difference], tolerance: float) -> Undecided:
    """Tell where rounding decides whether an output is valid: another one is at its least value."""
    if output.needs is None:
        return lambda _: None
    name, least = output.needs
    margin = tolerance * max([least, *(row.scale for row in earlier if row.output == name)])
    return lambda outputs: np.abs(outputs[name] - least) <= margin


def _largest_difference(
    output: OutputDescription, column: int, ordinary: Floats, pairs: Sequence[_Pair], undecided: Undecided
) -> Difference:
    columns = [
        [output.column(values[output.name], column).astype(float) for values in (pair.expected, pair.found)]
        for pair in pairs
    ]
    usual = output.column(ordinary, column).astype(float)
    usual = usual[_is_valid(usual)]
    spread = float(np.std(usual)) if len(usual) else 0.0
    size = max(float(np.abs(a[_is_valid(a)]).max(initial=0.0)) for a, _ in columns)
    least = max(spread, output.scale[column], _SMALLEST_SPREAD * size)
    worst = Difference(output.name, output.columns[column], output.unit_of(column), 0.0, least, "-")
    for pair, (a, b) in zip(pairs, columns, strict=True):
        difference = _absolute_difference(a, b)
        unclear = undecided(pair.expected)
        if unclear is not None:
            difference = np.where(unclear, 0.0, difference)
        # Counts of sensors reach over many powers of ten, and their rounding with them.
        scale = (
            np.maximum(least, np.where(_is_valid(a), np.abs(a), 0.0))
            if output.of_sensors
            else np.array(least)
        )
        if difference.size:
            place = np.unravel_index(np.argmax(difference / scale), difference.shape)
            here = float(np.broadcast_to(scale, difference.shape)[place])
            found = replace(worst, absolute=float(difference[place]), scale=here, case=pair.case)
            worst = max(worst, found, key=lambda row: row.relative)
    return worst


def _is_valid(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    # Readings that are none pass through some networks: 1e10 is no size of an output.
    return np.isfinite(values) & (np.abs(values) <= INVALID_ABOVE)


def _absolute_difference(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    if a.shape != b.shape:
        return np.array([np.inf])
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
    # One of the two not finite where the other is: no difference could be larger.
    return np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))
