"""The Gaussian core of residuals: the shape that describes them best, fitted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xec_analysis.calibration.line_fit import FEWEST, LineFit, Method, fit_line
from xec_analysis.calibration.line_models import LineModel
from xec_analysis.metrics.residual_models import RESIDUAL_MODELS
from xec_models.regressor.metrics import half_width_68

Floats = NDArray[np.float64]

REACH = 5.0
"""Residuals within so many 68 % half widths of the median are in the fit."""

BINNED_FROM = 2000
"""Residuals from which on counts in fine bins are fitted."""


def fit_core(residual: Floats, models: Iterable[LineModel] | None = None) -> dict[str, LineFit]:
    """Fit shapes to residuals.

    Parameters
    ----------
    residual
        (n,) finite residuals.
    models
        The shapes; by default all of `RESIDUAL_MODELS`.

    Returns
    -------
    dict
        Every fit by the name of its shape; failed ones among them.
    """
    chosen = list(RESIDUAL_MODELS.values() if models is None else models)
    width = half_width_68(residual) if len(residual) else 0.0
    if not width > 0:
        why = "all residuals are the same" if len(residual) > 1 else f"{len(residual)} events"
        return {m.name: LineFit(m, 1.0, (0.0, 0.0), len(residual), failure=why) for m in chosen}
    middle = float(np.median(residual))
    window = (middle - REACH * width, middle + REACH * width)
    method: Method = "binned" if len(residual) >= BINNED_FROM else "unbinned"
    return {m.name: fit_line(residual, width, m, window, method=method, fewest=FEWEST) for m in chosen}


def akaike(fit: LineFit) -> float:
    """Return Akaike's criterion, 2 (free parameters) − 2 ln L, up to a constant of the data."""
    return 2.0 * fit.n_free + 2.0 * fit.cost


def best_fit(fits: dict[str, LineFit]) -> LineFit:
    """Return the good fit with the lowest criterion of Akaike; the first if all failed.

    Parameters
    ----------
    fits
        Fits of the same residuals; at least one.
    """
    good = [fit for fit in fits.values() if fit.is_good]
    # A shape without anything around its core is the Gaussian again, with rounding in its likelihood.
    more = [fit for fit in good if not fit.model.shape or fit.n_free > len(fit.values) - len(fit.model.shape)]
    good = more or good
    return min(good, key=akaike) if good else next(iter(fits.values()))
