"""One event on the unrolled detector: photons and times of all sensors, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.style.style import NPHO_MAP, ORANGE, TIME_MAP, WHITE, new_page, save, style
from xec_data.reading.reader import EventReader
from xec_data.reading.shards import Shard
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME, is_invalid
from xec_geometry import xyz_to_uvw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_HEADER = (
    "energyTruth",
    "timeTruth",
    "uvwTruth",
    "xyzTruth",
    "energyReco",
    "uvwRecoFI",
    "run",
    "event",
    "dead",
)

# Photon counts span orders of magnitude; what lies further below the maximum carries no picture.
_DECADES = 3.5
_NO_READING = "0.78"


@dataclass(frozen=True)
class Event:
    """One event as read from a file.

    Attributes
    ----------
    path, entry
        Where it stands.
    npho
        Photons per sensor, (N_SENSORS,), NaN where there is no reading.
    time
        Times in s, likewise.
    numbers
        What the file has of `_HEADER`, by schema name.
    """

    path: Path
    entry: int
    npho: Floats
    time: Floats
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def true_uvw(self) -> Floats | None:
        """First interaction point in cm, if the file has a valid one."""
        if "uvwTruth" in self.numbers:
            uvw = np.asarray(self.numbers["uvwTruth"], dtype=np.float64)
        elif "xyzTruth" in self.numbers:
            uvw = np.asarray(xyz_to_uvw(np.asarray(self.numbers["xyzTruth"], dtype=np.float64)))
        else:
            return None
        return None if is_invalid(uvw).any() else uvw

    @property
    def title(self) -> str:
        """Run, event, energy and position, as far as the file has them."""
        parts = [f"{name} {int(self.numbers[name])}" for name in ("run", "event") if name in self.numbers]
        parts.append(f"entry {self.entry} of {self.path.name}")
        for name, text in (("energyTruth", "true energy"), ("energyReco", "reconstructed energy")):
            if name in self.numbers and not is_invalid(self.numbers[name]):
                parts.append(f"{text} {1e3 * float(self.numbers[name]):.1f} MeV")
        uvw = self.true_uvw
        if uvw is not None:
            parts.append("true (u, v, w) = ({:.1f}, {:.1f}, {:.1f}) cm".format(*uvw))
        return " · ".join(parts).replace("-", "−")


def read_event(
    path: str | Path,
    entry: int,
    *,
    tree_name: str = TREE_NAME,
    npho_branch: str = NPHO_BRANCH,
    time_branch: str = TIME_BRANCH,
) -> Event:
    """Read one event.

    Parameters
    ----------
    path
        A ROOT file with `npho` and `relative_time`.
    entry
        Its number in the tree; negative numbers count from the end.
    tree_name, npho_branch, time_branch
        Names in the file.

    Raises
    ------
    AnalysisError
        If the tree has no such entry.
    DataError
        If the file, the tree or a branch is not as it has to be.
    """
    path = Path(path)
    optional = _HEADER
    with EventReader(
        path,
        ("npho", "time"),
        optional=optional,
        tree_name=tree_name,
        npho_branch=npho_branch,
        time_branch=time_branch,
    ) as reader:
        info = reader.trees[0]
        n = info.n_entries
        if not -n <= entry < n:
            raise AnalysisError(
                f"{path}: tree '{tree_name}' has no entry {entry}; expected 0 to {n - 1} ({n} events)"
            )
        entry %= n
        chunk = reader.read(Shard(info.path, entry, entry + 1))
    arrays = {name: values[0] for name, values in chunk.items()}
    npho, time = (np.asarray(arrays.pop(name), dtype=np.float64) for name in ("npho", "time"))
    silent = is_invalid(npho) | np.asarray(arrays.get("dead", False), dtype=bool)
    npho = np.where(silent, np.nan, npho)
    return Event(path, entry, npho, np.where(silent | is_invalid(time), np.nan, time), arrays)


def find_event(path: str | Path, event: int, run: int | None = None, *, tree_name: str = TREE_NAME) -> int:
    """Find the entry of an event by its number.

    Parameters
    ----------
    path
        A ROOT file with the branches `event` and, if `run` is given, `run`.
    event, run
        The numbers looked for.
    tree_name
        Name of the tree.

    Raises
    ------
    AnalysisError
        If no entry has these numbers, or several have.
    """
    wanted = {"event": event} | ({} if run is None else {"run": run})
    with EventReader(path, tuple(wanted), tree_name=tree_name) as reader:
        chunks = list(reader)
    hit = np.ones(sum(map(len, chunks)), dtype=bool)
    for name, number in wanted.items():
        hit &= np.concatenate([chunk[name] for chunk in chunks]) == number
    entries = np.flatnonzero(hit)
    what = " of ".join(f"{name} {number}" for name, number in wanted.items())
    if len(entries) == 0:
        raise AnalysisError(f"{path}: tree '{tree_name}' has no {what} in {len(hit)} entries")
    if len(entries) > 1:
        raise AnalysisError(
            f"{path}: {len(entries)} entries are {what} (the first are {', '.join(map(str, entries[:3]))}); "
            "give the run as well, or the entry"
        )
    return int(entries[0])


def draw_event(event: Event, path: Path, *, predicted_uvw: Floats | None = None, remark: str = "") -> Path:
    """Draw an event into a file.

    Parameters
    ----------
    event
        The event.
    path
        The picture; its suffix gives the format.
    predicted_uvw
        A reconstructed first interaction point to mark beside the true one, in cm.
    remark
        A second line for the header.

    Returns
    -------
    Path
        The file written.
    """
    with style():
        figure = new_page(13.2, 6.6, event.title, remark)
        axes = figure.subplots(1, 2)
        _draw_npho(figure, axes[0], event)
        _draw_time(figure, axes[1], event)
        for ax in axes:
            _mark(ax, event.true_uvw, predicted_uvw)
        return save(figure, path)


def _draw_npho(figure: Figure, ax: Axes, event: Event) -> None:
    from matplotlib.colors import LogNorm

    valid = event.npho[np.isfinite(event.npho)]
    top = max(float(valid.max(initial=0.0)), 10.0)
    bottom = max(top / 10**_DECADES, 1.0)
    shown = np.where(np.isfinite(event.npho), np.maximum(event.npho, bottom), np.nan)
    _draw_values(figure, ax, shown, "photons", NPHO_MAP, LogNorm(bottom, top), "min")
    ax.set_title(
        f"Photons: {valid.sum():,.0f} in {len(valid)} sensors{_silent(event.npho)}".replace(",", " ")
    )


def _draw_time(figure: Figure, ax: Axes, event: Event) -> None:
    from matplotlib.colors import Normalize

    time = event.time * 1e9
    valid = time[np.isfinite(time)]
    # A few late sensors would take all the colours.
    low, high = np.percentile(valid, [0.5, 97.0]) if len(valid) else (0.0, 1.0)
    norm = Normalize(low, max(high, low + 0.1))
    _draw_values(figure, ax, time, "time [ns]", TIME_MAP, norm, "both")
    ax.set_title(f"Times: {len(valid)} sensors{_silent(event.time)}")


def _draw_values(
    figure: Figure, ax: Axes, values: Floats, label: str, cmap: str, norm: Any, extend: str
) -> None:
    from xec_geometry.display.picture import draw_sensors

    mappable = draw_sensors(ax, values, cmap=cmap, norm=norm, missing=_NO_READING)
    figure.colorbar(mappable, ax=ax, label=label, extend=extend, shrink=0.75, pad=0.01, aspect=30)


def _silent(values: Floats) -> str:
    number = int((~np.isfinite(values)).sum())
    return f" (grey: {number} without)" if number else ""


def _mark(ax: Axes, truth: Floats | None, prediction: Floats | None) -> None:
    """Mark points on the inner face, whose unrolled coordinates are u and v."""
    from matplotlib.patheffects import withStroke

    marks = ((truth, "+", "true first interaction"), (prediction, "x", "predicted"))
    shown = False
    for point, marker, label in marks:
        if point is None or not np.isfinite(point).all():
            continue
        shown = True
        outline = [withStroke(linewidth=3.2, foreground=WHITE)]
        look: dict[str, Any] = {"marker": marker, "ms": 11, "mew": 1.6, "color": ORANGE}
        ax.plot(*point[:2], ls="none", label=label, path_effects=outline, **look)
    if shown:
        ax.legend(loc="lower right", handletextpad=0.2, borderaxespad=0.1)
