"""The table of line shapes: what the spectrum of photons of one energy looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.fitting import leaking_gaussian, tailed_gaussian
from xec_geometry.support.registry import Registry

Floats = NDArray[np.float64]
Window = tuple[float, float]

PEAK, SIGMA = "peak", "sigma"


@dataclass(frozen=True)
class ShapeParameter:
    """A parameter of a line shape beside peak and σ.

    Attributes
    ----------
    name
        Its name in tables.
    low, high
        Bounds, exclusive.
    starts
        Values from which fits begin; the best of them counts.
    free_bound
        A bound at which the parameter loses its meaning without harm: a fit that ends there, or does not
        determine it, keeps it there. At any other bound a fit has failed.
    needs
        Name of a parameter without which, at its free bound, this one means nothing and is kept fixed, too.
    """

    name: str
    low: float
    high: float
    starts: tuple[float, ...]
    free_bound: float | None = None
    needs: str = ""


@dataclass(frozen=True)
class LineModel:
    """A line shape, normalized inside a window of energies.

    Attributes
    ----------
    name
        Name in settings and tables.
    summary
        One line for people.
    log_density
        ``(x, window, values) → (n,)`` logarithm of the density at energies x, (n,), inside the window.
        `values` are peak, σ and the further parameters; energies are in units of the line's.
    cumulative
        ``(x, window, values) → (n,)`` integral of the density from the window's low end to x.
    shape
        Parameters beside peak and σ.
    title
        In plots; without one, the name.
    """

    name: str
    summary: str
    log_density: Callable[[Floats, Window, Floats], Floats]
    cumulative: Callable[[Floats, Window, Floats], Floats]
    shape: tuple[ShapeParameter, ...] = ()
    title: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return (PEAK, SIGMA, *(parameter.name for parameter in self.shape))

    @property
    def label(self) -> str:
        """What plots call it."""
        return self.title or self.name.replace("_", " ")


def _tailed_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    peak, sigma, tail = values
    whole = tailed_gaussian.integral(*window, peak, sigma, tail)
    return np.asarray(tailed_gaussian.log_shape(x, peak, sigma, tail) - np.log(whole))


def _tailed_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    peak, sigma, tail = values
    part = tailed_gaussian.integral(window[0], x, peak, sigma, tail)
    return np.asarray(part / tailed_gaussian.integral(*window, peak, sigma, tail))


def _on_flat_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    share = values[3] / (window[1] - window[0])
    line = np.exp(_tailed_log_density(x, window, values[:3]))
    return np.asarray(np.log((1 - values[3]) * line + share))


def _on_flat_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    flat = (x - window[0]) / (window[1] - window[0])
    return np.asarray((1 - values[3]) * _tailed_cumulative(x, window, values[:3]) + values[3] * flat)


def _gaussian_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    return _tailed_log_density(x, window, np.append(values, _NO_TAIL))


def _gaussian_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    return _tailed_cumulative(x, window, np.append(values, _NO_TAIL))


def _leaking_log_density(x: Floats, window: Window, values: Floats) -> Floats:
    low, high = leaking_gaussian.distribution(window, *values)
    # Far from a narrow line there is no number so small.
    inside = np.maximum(leaking_gaussian.density(x, *values), _TINY)
    return np.asarray(np.log(inside) - np.log(max(high - low, _TINY)))


def _leaking_cumulative(x: Floats, window: Window, values: Floats) -> Floats:
    low, high = leaking_gaussian.distribution(window, *values)
    return np.asarray((leaking_gaussian.distribution(x, *values) - low) / max(high - low, _TINY))


_TINY = 1e-300
# So many σ below the peak a Gaussian has no events left.
_NO_TAIL = 30.0
_TAIL = ShapeParameter("tail", 0.02, 5.0, starts=(0.6, 1.5), free_bound=5.0)
_BACKGROUND = ShapeParameter("background", 0.0, 1.0, starts=(0.1,), free_bound=0.0)

LINE_MODELS: Registry[LineModel] = Registry(
    "line model",
    (
        LineModel(
            "tailed_gaussian",
            "Gaussian core, exponential tail towards low energies from `tail` σ below the peak on",
            _tailed_log_density,
            _tailed_cumulative,
            (_TAIL,),
            title="Gaussian with a tail",
        ),
        LineModel(
            "tailed_gaussian_flat",
            "the same on a flat background, whose share of the events in the range is `background`",
            _on_flat_log_density,
            _on_flat_cumulative,
            (_TAIL, _BACKGROUND),
            title="Gaussian with a tail on a flat background",
        ),
        LineModel(
            "leaking_gaussian",
            "Gaussian of which the share `leakage` has lost energy, `loss` times the line's on average",
            _leaking_log_density,
            _leaking_cumulative,
            (
                ShapeParameter("leakage", 0.0, 1.0, starts=(0.15, 0.5), free_bound=0.0),
                ShapeParameter("loss", 0.002, 1.0, starts=(0.03, 0.1), free_bound=1.0, needs="leakage"),
            ),
            title="Gaussian with leakage",
        ),
        LineModel(
            "gaussian",
            "Gaussian without a tail",
            _gaussian_log_density,
            _gaussian_cumulative,
            title="Gaussian",
        ),
    ),
    group="xec.line_models",
    error=AnalysisError,
)
"""Line shapes by name."""
