"""Figures of merit of predictions: bias, width, skewness per output, and joint measures.

Every function takes residuals (prediction − truth) or pairs of arrays and works in float64. Events
whose residual is not finite do not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_models.errors import ModelError

CONTAINMENT = 68.0  # percent of the events inside a "68 %" width
GAUSSIAN_HALF_WIDTH = NormalDist().inv_cdf(0.5 + CONTAINMENT / 200)  # of that width, in σ
WIDTH_ERROR = 0.961
"""Statistical error of `half_width_68` of n Gaussian residuals, in units of the width over √n.

√(p(1 − p))/f with p = 0.683 and f = 0.484, the density of |x| at one σ.
"""

Floats = NDArray[np.float64]


def bias(residual: ArrayLike) -> float:
    """Return the mean of the residuals."""
    values = _finite(residual)
    return float(values.mean()) if values.size else math.nan


def rms(residual: ArrayLike) -> float:
    """Return the standard deviation of the residuals: the bias apart."""
    values = _finite(residual)
    return float(values.std()) if values.size else math.nan


def rmse(residual: ArrayLike) -> float:
    """Return the root mean square of the residuals: the bias included."""
    values = _finite(residual)
    return float(np.sqrt(np.mean(values**2))) if values.size else math.nan


def skewness(residual: ArrayLike) -> float:
    """Return the third standardized moment of the residuals: positive with a tail to the right."""
    values = _finite(residual)
    if not values.size:
        return math.nan
    centred = values - values.mean()
    variance = float(np.mean(centred**2))
    return float(np.mean(centred**3)) / variance**1.5 if variance > 0.0 else 0.0


def half_width_68(residual: ArrayLike) -> float:
    """Return half the width of the central interval that holds 68 % of the residuals.

    Insensitive to a bias and to tails; 0.9945 σ for a Gaussian.
    """
    values = _finite(residual)
    if not values.size:
        return math.nan
    low, high = np.percentile(values, [50.0 - CONTAINMENT / 2, 50.0 + CONTAINMENT / 2])
    return float(high - low) / 2


def sigma_ratio(residual: ArrayLike, sigma: ArrayLike) -> float:
    """Return the mean predicted σ over the spread of the residuals: above 1, σ is overestimated.

    The spread is `half_width_68` in units of a Gaussian's: insensitive to a bias and to tails.

    Parameters
    ----------
    residual, sigma
        (n,) residuals and predicted standard deviations, in one unit.
    """
    spread = half_width_68(residual) / GAUSSIAN_HALF_WIDTH
    widths = _finite(sigma)
    return float(widths.mean()) / spread if widths.size and spread > 0.0 else math.nan


def pull_width(residual: ArrayLike, sigma: ArrayLike) -> float:
    """Return the spread of residual / σ: 1 if 68 % of the events lie within ± σ of their centre.

    Parameters
    ----------
    residual, sigma
        (n,) residuals and predicted standard deviations, in one unit.
    """
    widths = np.asarray(sigma, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = np.asarray(residual, np.float64) / np.where(widths > 0.0, widths, np.nan)
    return half_width_68(pull) / GAUSSIAN_HALF_WIDTH


def sigma_factors(task: str, prediction: ArrayLike, sigma: ArrayLike, truth: ArrayLike) -> list[float]:
    """Return the factors on the predicted σ of every output that make its pull width 1.

    Parameters
    ----------
    task
        Name of the task.
    prediction, sigma, truth
        (n, n_outputs) each.

    Returns
    -------
    list of float
        One for each output; 1 where it is undefined (no finite event, or all residuals 0).
    """
    residual = _checked_residual(TASKS.get_named(task), prediction, truth)
    widths = np.asarray(sigma, np.float64)
    pulls = [pull_width(residual[:, i], widths[:, i]) for i in range(residual.shape[1])]
    return [pull if math.isfinite(pull) and pull > 0.0 else 1.0 for pull in pulls]


def residual_factors(task: str, prediction: ArrayLike, anchor: ArrayLike, truth: ArrayLike) -> list[float]:
    """Tell which outputs of a network improve on its anchor.

    Parameters
    ----------
    task
        Name of the task.
    prediction, anchor, truth
        (n, n_outputs) each.

    Returns
    -------
    list of float
        For each output 1, or 0 where the network is worse than the anchor by more than the statistical error,
        in the 68 % width or in the deviation that 68 % of the events stay below, or where it gives no number
        for an event for which the anchor has one. The components of a unit vector share the opening angle's.
    """
    spec = TASKS.get_named(task)
    predicted, anchored, true = (np.asarray(values, np.float64) for values in (prediction, anchor, truth))
    usable = np.isfinite(anchored).all(axis=1)
    predicted, anchored, true = predicted[usable], anchored[usable], true[usable]
    numbers = [bool(np.isfinite(column).all()) for column in predicted.T]
    if spec.unit_vector and spec.joint is not None:
        widths = [percentile_68(spec.joint.function(values, true)) for values in (predicted, anchored)]
        pairs = [[(widths[0], widths[1])]] * len(spec.outputs)
    else:
        ours, theirs = (_checked_residual(spec, values, true) for values in (predicted, anchored))
        pairs = [
            [(measure(a), measure(b)) for measure in (half_width_68, _deviation_68)]
            for a, b in zip(ours.T, theirs.T, strict=True)
        ]
    allowed = 1 + WIDTH_ERROR / math.sqrt(max(len(true), 1))
    return [
        float(finite and all(ours <= allowed * theirs for ours, theirs in of_output))
        for of_output, finite in zip(pairs, numbers, strict=True)
    ]


def _deviation_68(residual: Floats) -> float:
    return percentile_68(np.abs(residual))


def percentile_68(distance: ArrayLike) -> float:
    """Return the distance (or angle) that 68 % of the events stay below."""
    values = _finite(distance)
    return float(np.percentile(values, CONTAINMENT)) if values.size else math.nan


def core_width(residual: ArrayLike, *, window: float = 2.0, tolerance: float = 1e-6) -> float:
    """Return the standard deviation of the Gaussian core of the residuals.

    The width inside ± `window` σ around the core's mean, corrected for the cut, is iterated until it
    reproduces itself. Tails beyond the window do not contribute; a Gaussian gives its σ.

    Parameters
    ----------
    residual
        (n,) residuals.
    window
        Half-width of the window in σ.
    tolerance
        Relative change of σ that ends the iteration.

    Returns
    -------
    float
        σ of the core; NaN without finite residuals.
    """
    values = _finite(residual)
    if not values.size:
        return math.nan
    # Sorting takes most of the time, and is often done.
    if (values[1:] < values[:-1]).any():
        values = np.sort(values)
    # Variance of a unit Gaussian cut at ± window.
    density = math.exp(-0.5 * window**2) / math.sqrt(2 * math.pi)
    kept = math.erf(window / math.sqrt(2))
    truncated = math.sqrt(1.0 - 2.0 * window * density / kept)

    centre, sigma = float(np.median(values)), half_width_68(values)
    for _ in range(200):
        first = np.searchsorted(values, centre - window * sigma, side="left")
        last = np.searchsorted(values, centre + window * sigma, side="right")
        core = values[first:last]
        previous, centre, sigma = sigma, float(core.mean()), float(core.std()) / truncated
        if abs(sigma - previous) <= tolerance * previous:
            break
    return sigma


def task_metrics(
    task: str, prediction: ArrayLike, truth: ArrayLike, sigma: ArrayLike | None = None
) -> dict[str, float]:
    """Compute all metrics of one task.

    Parameters
    ----------
    task
        Name of the task.
    prediction
        (n, n_outputs) physical predictions; for a classification probabilities or the class.
    truth
        (n, n_outputs) true values of `Task.true_values`.
    sigma
        (n, n_outputs) predicted standard deviations, if the head has them.

    Returns
    -------
    dict
        ``<output>_bias``, ``_rms`` (standard deviation), ``_rmse`` (bias included), ``_skew``,
        ``_res_68pct``, ``_core_width`` for every output (``uvw_u``, ``uvw_v``, ``uvw_w`` for the position),
        and the 68 % quantile of the task's joint measure (of the opening angle: ``val_resolution_deg``); for
        a classification ``<output>_accuracy`` alone. With `sigma` also ``<output>_sigma_ratio``,
        ``_pull_width``.
    """
    spec = TASKS.get_named(task)
    predicted, true = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if spec.n_classes:
        return _classification(spec, predicted, true)
    residual = _checked_residual(spec, predicted, true)
    metrics = {
        f"{spec.metric_prefix}{output}_{suffix}": measure(residual[:, i])
        for i, output in enumerate(spec.output_names)
        for suffix, measure in _PER_OUTPUT.items()
    }
    if sigma is not None:
        widths = np.asarray(sigma, np.float64)
        metrics |= {
            f"{spec.metric_prefix}{output}_{suffix}": measure(residual[:, i], widths[:, i])
            for i, output in enumerate(spec.output_names)
            for suffix, measure in _PER_UNCERTAINTY.items()
        }
    if spec.joint is not None:
        metrics[spec.joint.metric] = percentile_68(spec.joint.function(predicted, true))
    return metrics


_PER_OUTPUT: dict[str, Callable[[ArrayLike], float]] = {
    "bias": bias,
    "rms": rms,
    "rmse": rmse,
    "skew": skewness,
    "res_68pct": half_width_68,
    "core_width": core_width,
}

_PER_UNCERTAINTY: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "sigma_ratio": sigma_ratio,
    "pull_width": pull_width,
}


def _checked_residual(spec: Task, prediction: ArrayLike, truth: ArrayLike) -> Floats:
    predicted, true = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    expected = (len(true), len(spec.output_names))
    if predicted.shape != expected or true.shape != expected:
        raise ModelError(
            f"metrics of '{spec.name}': prediction {predicted.shape} and truth {true.shape}, "
            f"expected (n, {len(spec.output_names)}) both"
        )
    columns = [output.difference(predicted[:, i], true[:, i]) for i, output in enumerate(spec.outputs)]
    return np.stack(columns, axis=1)


def _classification(spec: Task, prediction: Floats, truth: Floats) -> dict[str, float]:
    classes = prediction.argmax(axis=1) if prediction.ndim == 2 and prediction.shape[1] > 1 else prediction
    if not truth.size:
        return {f"{spec.output_names[0]}_accuracy": math.nan}
    return {f"{spec.output_names[0]}_accuracy": float(np.mean(classes.ravel() == truth.ravel()))}


def _finite(values: ArrayLike) -> Floats:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]
