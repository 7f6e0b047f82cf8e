"""Lines measured: every estimate of the energy fitted in all events, every patch and every depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xec_analysis.calibration.events import Floats, LineEvents, load_line_events
from xec_analysis.calibration.requests import LineRequest
from xec_analysis.calibration.settings import LineSettings
from xec_analysis.fitting.line_fit import LineFit, fit_line
from xec_analysis.fitting.line_models import LINE_MODELS
from xec_data.schema.branches import TREE_NAME

Interval = tuple[float, float]


@dataclass(frozen=True)
class Region:
    """Part of the detector: low ≤ u, v, w < high, in cm; None: all of what patches and depths cover.

    Attributes
    ----------
    kind
        ``all``, ``patch`` or ``depth``.
    u, v, w
        Intervals.
    """

    kind: Literal["all", "patch", "depth"]
    u: Interval | None = None
    v: Interval | None = None
    w: Interval | None = None

    def holds(self, uvw: Floats) -> NDArray[np.bool_]:
        """Return which points, (n, 3), lie inside."""
        inside = np.ones(len(uvw), dtype=bool)
        for interval, values in zip((self.u, self.v, self.w), uvw.T, strict=True):
            if interval is not None:
                inside &= (values >= interval[0]) & (values < interval[1])
        return inside

    def __str__(self) -> str:
        named = zip("uvw", (self.u, self.v, self.w), strict=True)
        parts = [f"{name} {x[0]:g} to {x[1]:g}".replace("-", "−") for name, x in named if x is not None]
        return ", ".join(parts) or "all"


@dataclass(frozen=True)
class MeasuredLine:
    """A line in every region, by every estimate.

    Attributes
    ----------
    events
        The events, those inside of what patches and depths cover.
    settings
        How it was measured.
    fits
        Region → estimate → fit, in the order of patches and depths.
    """

    events: LineEvents
    settings: LineSettings
    fits: dict[Region, dict[str, LineFit]]

    @property
    def whole(self) -> dict[str, LineFit]:
        """The fits of all events, by estimate."""
        return next(iter(self.fits.values()))

    def regions(self, kind: str) -> list[Region]:
        """Return the regions of a kind."""
        return [region for region in self.fits if region.kind == kind]

    @property
    def window(self) -> Interval:
        """Lowest and highest energy of the fits, in GeV."""
        low, high = self.settings.range
        return low * self.events.line, high * self.events.line


def measure_lines(
    requests: Sequence[LineRequest], settings: LineSettings, *, tree_name: str = TREE_NAME
) -> list[MeasuredLine]:
    """Fit lines in files of predictions, in the order of their energies.

    Parameters
    ----------
    requests
        Energies and files.
    settings
        Range, cuts, patches, shape.
    tree_name
        Name of the tree in ROOT files.

    Raises
    ------
    AnalysisError
        As `load_line_events`.
    """
    measured = []
    for request in sorted(requests, key=lambda request: request.energy):
        own = settings.of_line(request.energy)
        events = load_line_events(request.files, request.energy, own, tree_name=tree_name)
        measured.append(measure_line(events, own))
    return measured


def measure_line(events: LineEvents, settings: LineSettings) -> MeasuredLine:
    """Fit one line in all events, every patch and every depth.

    Parameters
    ----------
    events
        Its events.
    settings
        Those of this line.
    """
    regions = list(_regions(settings)) if events.uvw is not None else [Region("all")]
    if events.uvw is not None:
        events = _covered(events, regions[0])
    model = LINE_MODELS[settings.model]
    window = (settings.range[0] * events.line, settings.range[1] * events.line)
    fits = {}
    for region in regions:
        inside = slice(None) if events.uvw is None else region.holds(events.uvw)
        fits[region] = {
            label: fit_line(
                energies[inside],
                events.line,
                model,
                window,
                method=settings.method,
                fewest=settings.fewest,
            )
            for label, energies in events.energies.items()
        }
    return MeasuredLine(events, settings, fits)


def _regions(settings: LineSettings) -> Iterator[Region]:
    u, v, w = settings.patches.u, settings.patches.v, settings.depths
    covered: tuple[Interval, Interval, Interval] = ((u[0], u[-1]), (v[0], v[-1]), (w[0], w[-1]))
    yield Region("all", *covered)
    for v_part in pairwise(v):
        for u_part in pairwise(u):
            yield Region("patch", u_part, v_part, covered[2])
    for w_part in pairwise(w):
        yield Region("depth", *covered[:2], w_part)


def _covered(events: LineEvents, whole: Region) -> LineEvents:
    assert events.uvw is not None
    inside = whole.holds(events.uvw)
    notes = events.notes
    if not inside.all():
        notes += (f"{int((~inside).sum())} of {len(inside)} events outside of patches and depths",)
    return LineEvents(
        events.name,
        events.line,
        {label: values[inside] for label, values in events.energies.items()},
        events.uvw[inside],
        events.position,
        notes,
    )
