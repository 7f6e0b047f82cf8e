"""The Gaussian core of residuals: the shape that describes them best, fitted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xec_analysis.fitting.line_fit import FEWEST, LineFit, Method, fit_line
from xec_analysis.fitting.line_models import LineModel
from xec_analysis.metrics.residual_models import RESIDUAL_MODELS
from xec_models.regressor.metrics import half_width_68

Floats = NDArray[np.float64]

REACH = 5.0
"""Residuals within so many 68 % half widths of the median are in the fit."""

BINNED_FROM = 2000
"""Residuals from which on counts in fine bins are fitted."""

SHAPE_IN_BINS = "two_tailed_gaussian"
"""The one shape in bins of a variable: where the best one changed from bin to bin, σ would jump with it."""

FEWEST_IN_BINS = 200
"""Residuals in such a bin below which core and tails are not told apart."""


def fit_core(
    residual: Floats, models: Iterable[LineModel] | None = None, *, in_bin: bool = False
) -> dict[str, LineFit]:
    """Fit shapes to residuals.

    Parameters
    ----------
    residual
        (n,) finite residuals.
    models
        The shapes; by default all of `RESIDUAL_MODELS`, in a bin `SHAPE_IN_BINS`.
    in_bin
        Whether the residuals are those of one of many bins of a variable: these fits are quick, and need
        `FEWEST_IN_BINS` residuals.

    Returns
    -------
    dict
        Every fit by the name of its shape; failed ones among them.
    """
    shapes = [RESIDUAL_MODELS[SHAPE_IN_BINS]] if in_bin else RESIDUAL_MODELS.values()
    chosen = list(shapes if models is None else models)
    width = half_width_68(residual) if len(residual) else 0.0
    if not width > 0:
        why = "all residuals are the same" if len(residual) > 1 else f"{len(residual)} events"
        return {m.name: LineFit(m, 1.0, (0.0, 0.0), len(residual), failure=why) for m in chosen}
    middle = float(np.median(residual))
    window = (middle - REACH * width, middle + REACH * width)
    method: Method = "binned" if in_bin or len(residual) >= BINNED_FROM else "unbinned"
    fewest = FEWEST_IN_BINS if in_bin else FEWEST
    return {
        m.name: fit_line(residual, width, m, window, method=method, fewest=fewest, quick=in_bin)
        for m in chosen
    }


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
