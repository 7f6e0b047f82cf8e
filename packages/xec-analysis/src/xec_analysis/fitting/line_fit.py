"""Maximum-likelihood fits of a line to energies: peak, σ and what is needed to judge them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_analysis.fitting.line_models import LineModel, Window
from xec_analysis.fitting.minimization import (
    COARSE_BINS,
    FINE_BINS,
    binned_cost,
    first_guess,
    minimize,
    unbinned_cost,
)
from xec_analysis.resolution.statistics import Number

Floats = NDArray[np.float64]
Method = Literal["auto", "unbinned", "binned"]

BINNED_FROM = 20_000
"""Energies from which on ``auto`` fits counts in bins, which are fine enough to lose nothing."""

FEWEST = 50
"""Energies in the window below which no line is fitted, unless stated."""

# Bins of the χ² have at least so many expected events each.
_EXPECTED = 10.0
_MOST_BINS, _FEW_BINS = 300, 50
_POOR = 1e-3


@dataclass(frozen=True)
class LineFit:
    """A fitted line, or why there is none.

    Attributes
    ----------
    model
        The line shape.
    line
        Energy of the line.
    window
        Lowest and highest energy of the fit, in the unit of `line`.
    n_events
        Energies in the window.
    failure
        Why there are no numbers; empty if there are.
    values
        Parameters of the model, peak and σ first, in units of the line's energy; empty after a failure.
    covariance
        Their covariance; zero for what was kept fixed at a bound.
    chi2, ndf
        Pearson's χ² of counts in bins, and its degrees of freedom; NaN and 0 without enough events.
    cost
        Negative logarithm of the likelihood at its maximum, up to a constant of the energies and the method.
    """

    model: LineModel
    line: float
    window: Window
    n_events: int
    failure: str = ""
    values: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    chi2: float = float("nan")
    ndf: int = 0
    cost: float = float("nan")

    @property
    def is_good(self) -> bool:
        """Whether there are numbers."""
        return not self.failure

    @property
    def is_poor(self) -> bool:
        """Whether there are numbers, of a shape that the events do not have (p < 0.001)."""
        return self.is_good and self.probability < _POOR

    @property
    def peak(self) -> Number | None:
        """Mean of the core, in the unit of the line; None after a failure."""
        return None if self.failure else self._number(0).scaled(self.line)

    @property
    def sigma(self) -> Number | None:
        """σ of the core, in the unit of the line; None after a failure."""
        return None if self.failure else self._number(1).scaled(self.line)

    @property
    def n_free(self) -> int:
        """Number of parameters that were fitted."""
        return int(np.count_nonzero(np.diag(self.covariance))) if self.covariance else 0

    @property
    def relative_sigma(self) -> Number | None:
        """σ of the core over the peak, with the covariance of the two in its error; None after a failure."""
        if self.failure:
            return None
        peak, sigma = self.values[:2]
        slope = np.array([-sigma / peak**2, 1 / peak])
        variance = slope @ np.array(self.covariance)[:2, :2] @ slope
        return Number(sigma / peak, float(np.sqrt(variance)))

    def shape(self, name: str) -> Number | None:
        """Return a further parameter; None after a failure, or if it means nothing.

        Without an error it was kept at its bound.
        """
        if self.failure:
            return None
        index = self.model.parameters.index(name)
        number, needs = self._number(index), self.model.shape[index - 2].needs
        if number.error is None and needs:
            needed = self.shape(needs)
            return None if needed is None or needed.error is None else number
        return number

    @property
    def probability(self) -> float:
        """Chance of a larger χ² if the model is right; NaN without degrees of freedom."""
        # scipy.stats has the same, and takes a second to import.
        from scipy.special import chdtrc

        return float(chdtrc(self.ndf, self.chi2)) if self.ndf > 0 else float("nan")

    @property
    def status(self) -> str:
        """``good``; ``poor``, with numbers whose χ² is improbable (p < 0.001); or ``failed: …``."""
        if self.failure:
            return f"failed: {self.failure}"
        return "poor" if self.is_poor else "good"

    def expected(self, edges: ArrayLike) -> Floats:
        """Return the number of events in bins between edges, (m + 1,), inside the window: (m,)."""
        x = np.asarray(edges, np.float64) / self.line
        return self.n_events * np.diff(self.model.cumulative(x, self._scaled_window, np.array(self.values)))

    @property
    def _scaled_window(self) -> Window:
        return self.window[0] / self.line, self.window[1] / self.line

    def _number(self, index: int) -> Number:
        error = float(np.sqrt(self.covariance[index][index]))
        return Number(self.values[index], error or None)


def fit_line(
    energies: ArrayLike,
    line: float,
    model: LineModel,
    window: Window,
    *,
    method: Method = "auto",
    fewest: int = FEWEST,
    quick: bool = False,
) -> LineFit:
    """Fit a line to energies.

    Parameters
    ----------
    energies
        (n,) finite energies.
    line
        Energy of the line, in the same unit.
    model
        The line shape.
    window
        Lowest and highest energy that count, in the same unit.
    method
        ``unbinned`` or ``binned`` likelihood; ``auto`` takes the second from `BINNED_FROM` energies on.
    fewest
        With fewer energies in the window there is no fit.
    quick
        Whether many fits are to be done: coarse bins, and parameters of the shape only where they are needed.

    Returns
    -------
    LineFit
        With numbers only if the minimum is valid, its covariance is accurate and positive, no parameter has
        run into a bound, and 1.5 σ on both sides of the peak are inside the window.
    """
    values = np.asarray(energies, np.float64)
    inside = values[(values >= window[0]) & (values <= window[1])] / line
    scaled = (window[0] / line, window[1] / line)
    fit = LineFit(model, line, window, len(inside))
    if len(inside) < max(fewest, len(model.parameters) + 1):
        return _failed(fit, f"{len(inside)} events in the range, fewer than {fewest}")
    binned = method == "binned" or (method == "auto" and len(inside) >= BINNED_FROM)
    guess = first_guess(inside, scaled)
    bins = COARSE_BINS if quick else FINE_BINS
    cost = (
        binned_cost(inside, scaled, model, guess[1], bins) if binned else unbinned_cost(inside, scaled, model)
    )
    minimum = minimize(cost, model, scaled, guess, len(inside), quick)
    if isinstance(minimum, str):
        return _failed(fit, minimum)
    found, covariance, lowest = minimum
    chi2, ndf = _chi2(inside, scaled, model, found, int(np.count_nonzero(np.diag(covariance))), quick)
    return LineFit(
        model,
        line,
        window,
        len(inside),
        values=tuple(found.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        chi2=chi2,
        ndf=ndf,
        cost=lowest,
    )


def _failed(fit: LineFit, why: str) -> LineFit:
    return LineFit(fit.model, fit.line, fit.window, fit.n_events, failure=why)


def _chi2(
    x: Floats, window: Window, model: LineModel, values: Floats, n_free: int, quick: bool
) -> tuple[float, int]:
    """Pearson's χ² of bins of equal width, joined where fewer than ten events are expected."""
    edges = np.linspace(*window, int(np.clip(len(x) / _EXPECTED, 10, _FEW_BINS if quick else _MOST_BINS)) + 1)
    counts = np.histogram(x, edges)[0]
    expected = len(x) * np.diff(model.cumulative(edges, window, values))
    joined_counts, joined_expected, count, sum_expected = [], [], 0.0, 0.0
    for number, mean in zip(counts, expected, strict=True):
        count, sum_expected = count + number, sum_expected + mean
        if sum_expected >= _EXPECTED:
            joined_counts.append(count)
            joined_expected.append(sum_expected)
            count = sum_expected = 0.0
    if joined_expected:
        joined_counts[-1] += count
        joined_expected[-1] += sum_expected
    # The number of events is that of the data, and costs one degree of freedom.
    ndf = len(joined_counts) - 1 - n_free
    if ndf < 1:
        return float("nan"), 0
    observed, mean = np.array(joined_counts), np.array(joined_expected)
    return float(((observed - mean) ** 2 / mean).sum()), ndf
