"""The Cramér–Rao bound as a row of the tables, and the methods' RMS over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.statistics import Number, median_of, mixture_half_width, spread
from xec_analysis.studies.benchmark.content import BoundRatio, Resolution
from xec_analysis.studies.benchmark.estimates import Estimates
from xec_analysis.studies.benchmark.measurement import binned, profiles_of, residual_scale, residuals_of
from xec_analysis.studies.benchmark.truth import Floats, SetTruth
from xec_analysis.style.quantities import quantity_of
from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import rmse

BOUND = "bound"

DEPTHS = range(1, 13)
"""Edges of the bins of depth, in cm: in front of them many events lie before a single sensor."""

_LEAST_EVENTS = 20


def bound_rows(bounds: Mapping[str, Floats], truth: SetTruth) -> Iterator[Resolution]:
    """Yield what an estimator that reaches the bound in every event would have as width and RMS.

    Parameters
    ----------
    bounds
        Task → (n, outputs), the smallest possible standard deviations in xec's units.
    truth
        The set.
    """
    for _, name, unit, sigma in _scaled(bounds, truth):
        usable = np.isfinite(sigma)

        def width(part: NDArray[np.int64], s: Floats = sigma) -> Number:
            return Number(mixture_half_width(s[part]))

        yield Resolution(
            method=BOUND,
            quantity=name,
            unit=unit,
            events=int(usable.sum()),
            width=Number(mixture_half_width(sigma[usable])),
            rms=Number(rmse(sigma[usable])),
            bias=None,
            profiles=profiles_of(truth, usable, width),
        )


def bound_ratios(
    bounds: Mapping[str, Floats], truth: SetTruth, methods: Sequence[Estimates]
) -> Iterator[BoundRatio]:
    """Yield RMS over bound of every method in bins of depth.

    Parameters
    ----------
    bounds, truth
        As for `bound_rows`.
    methods
        The methods.
    """
    limits = {(task, name): sigma for task, name, _, sigma in _scaled(bounds, truth)}
    for estimates in methods:
        for residuals in residuals_of(estimates, truth):
            sigma = limits.get((residuals.task, residuals.name))
            if sigma is None:
                continue

            def ratio(
                part: NDArray[np.int64], values: Floats = residuals.values, s: Floats = sigma
            ) -> Number:
                return spread(values[part]).scaled(1 / rmse(s[part]))

            usable = np.isfinite(residuals.values) & np.isfinite(sigma)
            profile = binned(truth, "w", _depth_bins(truth), usable, ratio, _LEAST_EVENTS)
            if profile.numbers:
                yield BoundRatio(estimates.method, residuals.name, median_of(profile.numbers), profile)


def _scaled(bounds: Mapping[str, Floats], truth: SetTruth) -> Iterator[tuple[str, str, str, Floats]]:
    """Task, name, unit of the residuals, and the bound in that unit, of every output with one."""
    for task, sigma in bounds.items():
        for k, output in enumerate(TASKS[task].outputs):
            unit, scale = residual_scale(task, k, truth.values[task])
            if np.isfinite(sigma[:, k]).any():
                yield task, quantity_of(output).plain, unit, np.asarray(sigma[:, k] * scale)


def _depth_bins(truth: SetTruth) -> list[NDArray[np.int64]]:
    number = np.digitize(truth.variable("w"), DEPTHS)
    return [np.flatnonzero(number == k) for k in range(1, len(DEPTHS))]
