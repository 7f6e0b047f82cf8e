"""The table of measures: what each kind of series is described by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.metrics.content import Kind, Value
from xec_analysis.metrics.resampling import REPLICAS, Moments
from xec_analysis.resolution.confusion import share_of
from xec_analysis.resolution.statistics import Number, containment, half_width, median
from xec_analysis.style.quantities import PERCENT
from xec_geometry.support.registry import Registry
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH, core_width

Floats = NDArray[np.float64]

_RESIDUALS: frozenset[Kind] = frozenset({"residual", "relative"})
_SPREADS: frozenset[Kind] = _RESIDUALS | {"pull"}
_WIDE = 95.0

_BY_COUNTS = f"bootstrap, {REPLICAS} replicas of all events"
_BY_ORDER = "bootstrap of order statistics, 2000 replicas"


@dataclass(frozen=True)
class Measure:
    """One number about a series.

    Attributes
    ----------
    name
        Its name in files.
    meaning
        One line for people.
    error
        Where its error comes from.
    kinds
        The kinds of series that have it.
    function
        ``(sorted values (n,), moments) → Number``.
    fewest
        Events below which it is not defined.
    """

    name: str
    meaning: str
    error: str
    kinds: frozenset[Kind]
    function: Callable[[Floats, Moments], Number]
    fewest: int = 1


def _share(percent: Floats) -> Number:
    share = share_of(np.count_nonzero(percent), len(percent))
    return Number(float(share.value), float(share.error)).scaled(PERCENT.factor)


MEASURES = Registry(
    "measure",
    (
        Measure("mean", "mean", _BY_COUNTS, _SPREADS | {"joint"}, lambda _, m: m.mean),
        Measure("median", "median", _BY_ORDER, _SPREADS | {"joint"}, lambda x, _: median(x)),
        Measure("std", "standard deviation", _BY_COUNTS, _SPREADS, lambda _, m: m.std, 2),
        Measure("skewness", "third standardized moment", _BY_COUNTS, _SPREADS, lambda _, m: m.skewness, 3),
        Measure(
            "half_width_68",
            "half of the central interval that holds 68 % of the events",
            _BY_ORDER,
            _RESIDUALS,
            lambda x, _: half_width(x),
            2,
        ),
        Measure(
            "half_width_95",
            "half of the central interval that holds 95 % of the events",
            _BY_ORDER,
            _RESIDUALS,
            lambda x, _: half_width(x, _WIDE),
            2,
        ),
        Measure(
            "core_width",
            "standard deviation within ± 2 of it around the core's mean, corrected for the cut",
            "none",
            _RESIDUALS,
            lambda x, _: Number(core_width(x)),
            2,
        ),
        Measure(
            "width",
            "half of the central 68 % interval over that of a Gaussian of width 1",
            _BY_ORDER,
            frozenset({"pull"}),
            lambda x, _: half_width(x).scaled(1 / GAUSSIAN_HALF_WIDTH),
            2,
        ),
        Measure(
            "containment_68",
            "value that 68 % of the events stay below",
            _BY_ORDER,
            frozenset({"joint"}),
            lambda x, _: containment(x),
        ),
        Measure(
            "containment_95",
            "value that 95 % of the events stay below",
            _BY_ORDER,
            frozenset({"joint"}),
            lambda x, _: containment(x, _WIDE),
        ),
        Measure(
            "accuracy", "share of right classes", "binomial", frozenset({"class"}), lambda x, _: _share(x)
        ),
    ),
    error=AnalysisError,
)
"""Measures by name."""


def measures_of(kind: Kind, ordered: Floats, moments: Moments | None) -> dict[str, Value]:
    """Return all measures of a series.

    Parameters
    ----------
    kind
        The kind of series.
    ordered
        (n,) its values, sorted.
    moments
        Their moments; None without events.
    """
    found = {}
    for measure in MEASURES.values():
        if kind in measure.kinds:
            defined = moments is not None and len(ordered) >= measure.fewest
            assert moments is not None or not defined
            found[measure.name] = (
                value_of(measure.function(ordered, moments), len(ordered))
                if defined and moments is not None
                else Value()
            )
    return found


def value_of(number: Number | None, events: int = 2, factor: float = 1.0) -> Value:
    """Return a number as it is in files: without what is not finite, and without the error of one event."""
    if number is None or not math.isfinite(number.value):
        return Value()
    error = number.error
    known = error is not None and math.isfinite(error) and events > 1
    return Value(value=number.value * factor, error=error * factor if known and error is not None else None)


def methods() -> Mapping[str, str]:
    """Return how every measure and its error is found."""
    return {m.name: f"{m.meaning}; error: {m.error}" for m in MEASURES.values()}
