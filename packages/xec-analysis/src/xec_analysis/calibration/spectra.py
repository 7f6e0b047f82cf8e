"""Spectra of a line with its fits, drawn into axes: one look for each estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_analysis.calibration.events import CONVENTIONAL, NETWORK
from xec_analysis.calibration.measurement import MeasuredLine, Region
from xec_analysis.fitting.line_fit import LineFit
from xec_analysis.resolution.digits import with_error
from xec_analysis.style.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, YELLOW
from xec_analysis.style.quantities import PERCENT, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

Floats = NDArray[np.float64]

_ENERGY = quantity("energy")
_BINS_PER_SIGMA = 2.5
# A narrow line would be a needle in its window.
_DRAWN_BELOW, _DRAWN_ABOVE = 15.0, 8.0
# Points of a fitted curve in each bin.
_FINE = 20


@dataclass(frozen=True)
class EstimateStyle:
    """How an estimate of the energy is drawn: what colour does not tell, marker and dashes do."""

    colour: str
    marker: str
    dashes: str

    def handle(self, label: str) -> Line2D:
        """Return its entry in a legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], color=self.colour, marker=self.marker, ls=self.dashes, ms=4, label=label)


_ALWAYS = {NETWORK: EstimateStyle(BLUE, "o", "-"), CONVENTIONAL: EstimateStyle(ORANGE, "s", "-")}
_OTHERS = (
    EstimateStyle(GREEN, "^", "--"),
    EstimateStyle(PURPLE, "D", "-."),
    EstimateStyle(SKY, "v", "--"),
    EstimateStyle(YELLOW, "P", "-."),
    EstimateStyle(BLACK, "X", ":"),
)


def estimate_styles(labels: Sequence[str]) -> dict[str, EstimateStyle]:
    """Return the styles of estimates; the network and the conventional one always have the same."""
    others = [label for label in labels if label not in _ALWAYS]
    styles = _ALWAYS | {label: _OTHERS[k % len(_OTHERS)] for k, label in enumerate(others)}
    return {label: styles[label] for label in labels}


def draw_spectra(ax: Axes, line: MeasuredLine, region: Region) -> None:
    """Draw the energies of a region around the line, inside its window, and every fit that did not fail."""
    fits = line.fits[region]
    uvw = line.events.uvw
    inside = slice(None) if uvw is None else region.holds(uvw)
    factor = _ENERGY.unit.factor
    edges = _edges(line, fits)
    fine = np.linspace(edges[0], edges[-1], _FINE * (len(edges) - 1) + 1)
    for label, look in estimate_styles(list(fits)).items():
        counts = np.histogram(line.events.energies[label][inside], edges)[0]
        if label == next(iter(fits)):
            x, bars = factor * _middle(edges), np.sqrt(counts)
            ax.errorbar(x, counts, bars, fmt=look.marker, color=look.colour, ms=2.5, lw=0.8, zorder=3)
        else:
            ax.stairs(counts, edges * factor, color=look.colour, lw=0.8, alpha=0.6)
        if fits[label].is_good:
            expected = _FINE * fits[label].expected(fine)
            ax.plot(factor * _middle(fine), expected, color=look.colour, lw=1.4, ls=look.dashes, zorder=4)
    ax.axvline(line.events.line * factor, color=BLACK, lw=0.7, ls=":", zorder=0)
    ax.set_xlim(edges[0] * factor, edges[-1] * factor)
    ax.set_ylim(bottom=0)


def energy_label() -> str:
    """Label of the axis of energies."""
    return f"reconstructed {_ENERGY.label}"


def fit_text(fit: LineFit) -> str:
    """Write σ/E, peak and χ² of a fit in two short lines, or why there are none."""
    peak, sigma = fit.peak, fit.relative_sigma
    if peak is None or sigma is None:
        return f"fit {fit.status}"
    chi2 = f", $\\chi^2$/ndf {fit.chi2:.0f}/{fit.ndf}" if fit.ndf else ""
    poor = " (poor fit)" if fit.status == "poor" else ""
    return (
        f"$\\sigma/E$ {with_error(sigma.scaled(PERCENT.factor))} %{poor}\n"
        f"peak {with_error(peak.scaled(_ENERGY.unit.factor))} MeV{chi2}"
    )


def _middle(edges: Floats) -> Floats:
    return (edges[1:] + edges[:-1]) / 2


def _edges(line: MeasuredLine, fits: Mapping[str, LineFit]) -> Floats:
    """Bins of the spectra: so fine that the narrowest line has a few in its σ, if the events are enough."""
    low, high = line.window
    # All regions alike, so that their spectra can be compared.
    whole = [np.multiply(fit.line, fit.values[:2]) for fit in line.whole.values() if fit.is_good]
    if whole:
        peaks, sigmas = np.transpose(whole)
        low = max(low, float(peaks.min() - _DRAWN_BELOW * sigmas.max()))
        high = min(high, float(peaks.max() + _DRAWN_ABOVE * sigmas.max()))
    widths = [fit.values[1] * fit.line for fit in fits.values() if fit.is_good]
    n_events = max(fit.n_events for fit in fits.values())
    wanted = _BINS_PER_SIGMA * (high - low) / min(widths) if widths else 40.0
    allowed = max(n_events / 5, 15.0)
    return np.linspace(low, high, int(np.clip(min(wanted, allowed), 15, 120)) + 1)
