"""Plots of reconstructed readings: events on the unrolled detector, and errors face by face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.sensor_error_pages import against_npho_page, error_page
from xec_analysis.reconstruction.events import Reconstruction
from xec_analysis.resolution.digits import three_digits
from xec_analysis.style.figures import NPHO_MAP, TIME_MAP, caption, new_page, save, style
from xec_geometry import N_SENSORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

# Photon counts span orders of magnitude; smaller ones would only waste the range of colours.
_DECADES = 3.5
_NO_READING, _HIDDEN = "0.78", "#F4A582"
_ERROR_MAP = "RdBu_r"
# Quantile of the events' errors to the description of such an event.
_EVENTS = {0.5: "a typical event", 0.9: "worse than 90 % of the events", 1.0: "the worst event"}
_ERRORS = "Reconstruction − truth of the hidden sensors of each face."
_AGAINST = (
    "Bias, root mean square and the half widths that hold 68 % and 95 % of the errors of hidden sensors, "
    "against the photons that they really read."
)
_EVENT = (
    "The unrolled detector four times: the readings of the event, those that the network saw, the hidden "
    "ones filled in by it, and reconstruction − truth of the hidden sensors."
)


@dataclass(frozen=True)
class _ChannelStyle:
    """Style of a channel: title, unit, the factor into that unit, and colour map."""

    title: str
    unit: str
    factor: float
    cmap: str


_CHANNELS = {
    "npho": _ChannelStyle("photons", "photons", 1.0, NPHO_MAP),
    "time": _ChannelStyle("time", "ns", 1e9, TIME_MAP),
}


def draw_reconstruction(reconstruction: Reconstruction, folder: Path, kind: str = "pdf") -> list[Path]:
    """Draw reconstructed readings into an existing folder.

    Parameters
    ----------
    reconstruction
        At least one event with a hidden sensor.
    folder, kind
        Output folder and format (pdf, png, svg).

    Returns
    -------
    list of Path
        `reconstruction_errors_<channel>_<name>` (distributions of the errors per face),
        `reconstruction_against_npho_<name>`, and `reconstruction_event_<number>_<channel>_<name>`: truth,
        input of the network, reconstruction and residual of a typical, a bad and the worst event.

    Raises
    ------
    AnalysisError
        If no sensor with a valid reading was hidden.
    """
    name = reconstruction.name
    readings = reconstruction.readings()
    events = _chosen_events(reconstruction)
    paths = []

    def census(channel: str) -> str:
        hidden = int(reconstruction.judged(channel).sum())
        return f"{len(reconstruction)} events, {hidden} hidden sensors with a reading of the {channel}"

    with style():
        for channel in reconstruction.channels:
            channel_style, judged = _CHANNELS[channel], reconstruction.judged(channel)
            if judged.any():
                error = reconstruction.error(channel)[judged] * channel_style.factor
                title = f"Errors of the reconstructed {channel_style.title}: {name}"
                figure = error_page(
                    {NETWORK: error}, np.nonzero(judged)[1], channel_style.unit, title, census(channel)
                )
                caption(figure, _ERRORS)
                paths.append(save(figure, folder / f"reconstruction_errors_{channel}_{name}.{kind}"))
        figure = against_npho_page(readings, f"Reconstructed photons: {name}", census("npho"))
        caption(figure, _AGAINST)
        paths.append(save(figure, folder / f"reconstruction_against_npho_{name}.{kind}"))
        for number, (event, remark) in enumerate(events.items(), start=1):
            for channel in reconstruction.channels:
                path = folder / f"reconstruction_event_{number}_{channel}_{name}.{kind}"
                paths.append(save(_event_page(reconstruction, event, channel, remark), path))
    return paths


def _chosen_events(reconstruction: Reconstruction) -> dict[int, str]:
    """Events by the size of their error in photons, relative to the light that was hidden."""
    judged = reconstruction.judged("npho")
    error = np.where(judged, reconstruction.error("npho"), 0.0)
    light = np.where(judged, reconstruction.truth["npho"], 0.0)
    size = np.sqrt((error**2).sum(axis=1) / np.maximum((light**2).sum(axis=1), 1.0))
    order = np.argsort(size, kind="stable")
    order = order[np.asarray(judged.any(axis=1))[order]]
    chosen: dict[int, str] = {}
    for quantile, remark in _EVENTS.items():
        chosen.setdefault(int(order[int(quantile * (len(order) - 1))]), remark)
    return chosen


def _event_page(reconstruction: Reconstruction, event: int, channel: str, remark: str) -> Figure:
    channel_style = _CHANNELS[channel]
    truth = reconstruction.truth[channel][event] * channel_style.factor
    predicted = reconstruction.predicted[channel][event] * channel_style.factor
    mask, judged = reconstruction.mask[event], reconstruction.judged(channel)[event]
    error = np.where(judged, predicted - truth, np.nan)
    size = np.sqrt(np.mean(error[judged] ** 2)) if judged.any() else np.nan
    figure = new_page(
        17.6,
        5.2,
        f"{channel_style.title.capitalize()} of {_identity(reconstruction, event)}: {reconstruction.name}",
        f"{remark} · {int(mask.sum())} of {N_SENSORS} sensors hidden, {int(judged.sum())} of them with a "
        f"reading · RMSE of these: {three_digits(size)} {channel_style.unit}",
        caption=_EVENT,
    )
    axes = figure.subplots(1, 4)
    bottom, norm = _norm(channel, truth)

    def shown(values: Floats) -> Floats:
        return np.where(np.isfinite(values), np.maximum(values, bottom), np.nan)

    # A time is only expected where there is light.
    filled = np.where(judged, predicted, truth)
    colours = _draw(
        axes[0], shown(truth), channel_style.cmap, norm, f"truth (grey: no {channel_style.title})"
    )
    _draw_seen(axes[1], shown(truth), mask, bottom, channel_style.cmap, norm)
    _draw(axes[2], shown(filled), channel_style.cmap, norm, "reconstruction in the hidden sensors")
    residuals = _draw(axes[3], error, _ERROR_MAP, _error_norm(error[judged]), "residual (grey: not hidden)")
    bar: dict[str, Any] = {"location": "bottom", "shrink": 0.6, "pad": 0.01, "aspect": 40}
    label = (
        channel_style.title
        if channel_style.title == channel_style.unit
        else f"{channel_style.title} [{channel_style.unit}]"
    )
    figure.colorbar(colours, ax=list(axes[:3]), label=label, extend="both", **bar)
    bar |= {"shrink": 0.9, "aspect": 20}
    figure.colorbar(
        residuals, ax=axes[3], label=f"reconstruction $-$ truth [{channel_style.unit}]", extend="both", **bar
    )
    return figure


def _identity(reconstruction: Reconstruction, event: int) -> str:
    run, number = int(reconstruction.run[event]), int(reconstruction.event[event])
    known = [f"{what} {value}" for what, value in (("run", run), ("event", number)) if value >= 0]
    return " ".join(known) or f"entry {event}"


def _norm(channel: str, truth: Floats) -> tuple[float, Any]:
    """Return the smallest number with a colour, and the norm of the colours."""
    from matplotlib.colors import LogNorm, Normalize

    valid = truth[np.isfinite(truth)]
    if channel == "npho":
        top = max(float(valid.max(initial=0.0)), 10.0)
        bottom = max(top / 10**_DECADES, 1.0)
        return bottom, LogNorm(bottom, top)
    # A few late sensors would take all the colours.
    low, high = np.percentile(valid, [0.5, 97.0]) if len(valid) else (0.0, 1.0)
    return float(low), Normalize(low, max(high, low + 0.1))


def _error_norm(error: Floats) -> Any:
    from matplotlib.colors import Normalize

    reach = float(np.percentile(np.abs(error), 98)) if len(error) else 1.0
    return Normalize(-(reach or 1.0), reach or 1.0)


def _draw(
    ax: Axes, values: Floats, cmap: Any, norm: Any, title: str, missing: str = _NO_READING
) -> ScalarMappable:
    from xec_geometry.display.picture import draw_sensors

    mappable = draw_sensors(ax, values, cmap=cmap, norm=norm, missing=missing, label_size=5.5)
    ax.set_title(title)
    return mappable


def _draw_seen(ax: Axes, truth: Floats, mask: NDArray[np.bool_], bottom: float, cmap: str, norm: Any) -> None:
    """Draw the input of the network: hidden sensors in their own colour, those without a reading in grey."""
    from matplotlib import colormaps

    # No shown value lies below the scale.
    below = bottom - 1.0 if norm.vmin <= 0 or bottom <= 0 else bottom / 10
    values = np.where(mask, np.nan, np.where(np.isfinite(truth), truth, below))
    _draw(
        ax, values, colormaps[cmap].with_extremes(under=_NO_READING), norm, "seen (orange: hidden)", _HIDDEN
    )
