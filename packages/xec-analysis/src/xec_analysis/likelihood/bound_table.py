"""The bound of point events against the depth, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import TREE_NAME, is_invalid
from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_data.simulation.volume import in_xenon
from xec_geometry import FIDUCIAL, N_SENSORS, SensorTable, uvw_to_xyz

if TYPE_CHECKING:
    from rich.table import Table

Floats = NDArray[np.float64]

DEPTHS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
"""Depths of a table, in cm."""

_DEPTH_EDGES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, np.inf)
_POINTS_PER_DEPTH = 32
_CHUNK = 500


@dataclass(frozen=True)
class BoundRow:
    """The median bound of some points.

    Attributes
    ----------
    place
        What the points have in common, for people.
    n_points
        How many there are.
    sigma
        (5,) standard deviations of u, v, w in cm, of the energy as a part of it, of the time in s.
    """

    place: str
    n_points: int
    sigma: Floats


def bound_by_depth(
    energy: float = SIGNAL_ENERGY,
    *,
    dead: ArrayLike | None = None,
    readout: ReadoutModel | None = None,
    geometry: SensorTable | None = None,
) -> list[BoundRow]:
    """Bound point events at `DEPTHS`, at points spread evenly over the fiducial region of the inner face.

    Parameters
    ----------
    energy
        In GeV.
    dead, readout, geometry
        As for `cramer_rao_bound`.
    """
    from scipy.stats.qmc import Halton

    part = Halton(2, scramble=False).random(_POINTS_PER_DEPTH)
    uv = (2.0 * part - 1.0) * np.array([FIDUCIAL.u_max, FIDUCIAL.v_max])
    rows = []
    for depth in DEPTHS:
        uvw = np.column_stack([uv, np.full(len(uv), depth)])
        rows.append(_row(f"{depth:g}", _relative(uvw, energy, dead, readout, geometry)))
    return rows


def bound_at(
    uvw: tuple[float, float, float],
    energy: float = SIGNAL_ENERGY,
    *,
    dead: ArrayLike | None = None,
    readout: ReadoutModel | None = None,
    geometry: SensorTable | None = None,
) -> BoundRow:
    """Bound a point event at (u, v, w) in cm, as `bound_by_depth`.

    Raises
    ------
    AnalysisError
        If the point is not in the xenon.
    """
    point = np.array([uvw], dtype=np.float64)
    place = ", ".join(f"{number:g}" for number in uvw)
    if not in_xenon(np.asarray(uvw_to_xyz(point))).all():
        raise AnalysisError(f"the point ({place}) is not in the xenon; expected u, v and w > 0 in cm")
    return _row(place, _relative(point, energy, dead, readout, geometry))


def bound_of_events(
    path: str | Path,
    *,
    max_events: int,
    dead: ArrayLike | None = None,
    readout: ReadoutModel | None = None,
    geometry: SensorTable | None = None,
    tree_name: str = TREE_NAME,
) -> list[BoundRow]:
    """Bound point events at the true points and energies of a file, by depth.

    Parameters
    ----------
    path
        File with `npho`, `uvwTruth` and `energyTruth`. Sensors without a valid count are dead.
    max_events
        Number of events, from the beginning.
    dead, readout, geometry
        As for `cramer_rao_bound`.
    tree_name
        Of the file.

    Raises
    ------
    AnalysisError
        If no event has a true point in the xenon.
    DataError
        If the file does not have the branches.
    """
    sigma, depth = [np.empty((0, 5))], [np.empty(0)]
    left = max_events
    branches = ("npho", "uvwTruth", "energyTruth")
    with EventReader(path, branches, tree_name=tree_name, chunk_size=_CHUNK) as reader:
        for chunk in reader:
            if left <= 0:
                break
            npho, uvw, energy = (chunk[name][:left] for name in branches)
            left -= len(npho)
            hidden = is_invalid(npho) | (np.zeros(N_SENSORS, bool) if dead is None else np.asarray(dead))
            points, energies = uvw.astype(np.float64), energy.astype(np.float64)
            sigma.append(_relative(points, energies, hidden, readout, geometry))
            depth.append(uvw[:, 2].astype(np.float64))
    bounds, depths = np.concatenate(sigma), np.concatenate(depth)
    bounded = np.isfinite(bounds).any(axis=1)
    rows = []
    for low, high in pairwise(_DEPTH_EDGES):
        those = bounded & (depths >= low) & (depths < high)
        if those.any():
            rows.append(_row(f"{low:g} to {high:g}" if high < np.inf else f"from {low:g}", bounds[those]))
    if not rows:
        raise AnalysisError(f"{path}: none of {len(bounds)} events has its true point in the xenon")
    return rows


def bound_table(rows: list[BoundRow], place: str, title: str) -> Table:
    """Return a rich table; the first column is called `place`."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for name in (place, "u mm", "v mm", "w mm", "energy %", "time ps", "points"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        numbers = row.sigma * np.array([10.0, 10.0, 10.0, 100.0, 1e12])
        table.add_row(row.place, *(f"{number:.3g}" for number in numbers), str(row.n_points))
    return table


def _relative(
    uvw: Floats,
    energy: Any,
    dead: ArrayLike | None,
    readout: ReadoutModel | None,
    geometry: SensorTable | None,
) -> Floats:
    """Standard deviations (n, 5), that of the energy as a part of it."""
    sigma = cramer_rao_bound(uvw, energy, dead=dead, readout=readout, geometry=geometry).sigma
    sigma[:, 3] /= energy
    return sigma


def _row(place: str, sigma: Floats) -> BoundRow:
    return BoundRow(place, len(sigma), np.median(sigma, axis=0))
