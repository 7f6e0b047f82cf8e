"""The events of a line: every estimate of their energy, and where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.calibration.settings import LineSettings
from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.columns import truth_in, uvw_of_xyz
from xec_analysis.resolution.conventional import conventional_values
from xec_analysis.resolution.loading import load_joined
from xec_analysis.resolution.variants import variants_of
from xec_data.schema.branches import TREE_NAME, is_invalid
from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean
from xec_models.regressor.predictions import PREDICTED, variant_column

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

NETWORK, CONVENTIONAL, TRUTH = "network", "conventional", "truth"

_TASK, _POSITION = TASKS["energy"], TASKS["uvwFI"]
_PREDICTED = f"{PREDICTED}{_TASK.output_names[0]}"
_ELEMENT = re.compile(r"(?P<name>.+)\[(?P<index>\d+)\]")


@dataclass(frozen=True)
class LineEvents:
    """Events of a run with photons of one energy.

    Attributes
    ----------
    name
        Name of the run or file; of several, the first one's.
    line
        Energy of the photons in GeV.
    energies
        Estimate → (n,) energies in GeV, all finite: the network, the network on readings whose dead channels
        were recovered in some way, the conventional reconstruction.
    uvw
        (n, 3) positions in cm by which the events are sorted; None if the files have none.
    position
        Whose positions these are; empty without any.
    notes
        One line each about what was left out.
    """

    name: str
    line: float
    energies: dict[str, Floats]
    uvw: Floats | None
    position: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.energies.values())))


def load_line_events(
    files: Sequence[str | Path], line: float, settings: LineSettings, *, tree_name: str = TREE_NAME
) -> LineEvents:
    """Read the events of a line from files of predictions.

    Parameters
    ----------
    files
        Files or runs as for `load_results`, at least one.
    line
        Energy of the photons in GeV.
    settings
        Cuts and position, those of this line.
    tree_name
        Name of the tree in ROOT files.

    Raises
    ------
    AnalysisError
        If a file has no predicted energy, or lacks what cuts or position need, or no event is left.
    """
    loaded = load_joined(files, tree_name)
    columns, notes, source = loaded.columns, list(loaded.notes), loaded.source
    estimates = _estimates(columns)
    if not estimates:
        raise AnalysisError(
            f"{source}: no column {_PREDICTED}; expected predictions of a network with the task energy, "
            "as `xec predict` writes them"
        )
    n = len(next(iter(estimates.values())))
    kept = np.ones(n, dtype=bool)
    for text, bounds in settings.cuts.items():
        kept &= _within(_column(columns, text, source), bounds)
    if settings.cuts:
        notes += [f"{int((~kept).sum())} of {n} events cut by {', '.join(settings.cuts)}"]
    uvw, position = _positions(columns, settings.position, source)
    if uvw is not None:
        known = ~is_invalid(uvw).any(axis=1)
        notes += _left_out(kept & ~known, f"without a position ({position})", n)
        kept &= known
    else:
        notes += [f"no position in {source.name}: no patches and depths"]
    for label in [label for label, values in estimates.items() if is_invalid(values)[kept].all()]:
        notes += [f"no event has an energy of {label}: not shown"]
        del estimates[label]
    for label, values in estimates.items():
        known = ~is_invalid(values)
        notes += _left_out(kept & ~known, f"without an energy of {label}, for all estimates", n)
        kept &= known
    if not estimates or not kept.any():
        raise AnalysisError(f"{source}: none of {n} events is left; {'; '.join(notes)}")
    return LineEvents(
        loaded.name,
        line,
        {label: values[kept] for label, values in estimates.items()},
        None if uvw is None else uvw[kept],
        position,
        tuple(notes),
    )


def _left_out(events: NDArray[np.bool_], why: str, n: int) -> list[str]:
    return [f"{int(events.sum())} of {n} events left out: {why}"] if events.any() else []


def _estimates(columns: Columns) -> dict[str, Floats]:
    """Energies by their label: predictions of the network, its variants, the conventional one."""
    found = {}
    for variant in variants_of(columns):
        name = variant_column(_PREDICTED, variant)
        if name in columns:
            found[variant.replace("_", " ") or NETWORK] = columns[name]
    # Beside variants the columns without a name are those of the first one again.
    others = [values for label, values in found.items() if label != NETWORK]
    if NETWORK in found and any(np.array_equal(found[NETWORK], values) for values in others):
        del found[NETWORK]
    assert _TASK.conventional is not None
    conventional = _TASK.conventional.branches[0]
    if found and conventional in columns:
        found[CONVENTIONAL] = columns[conventional]
    return {label: np.asarray(values, np.float64) for label, values in found.items()}


def _positions(columns: Columns, wanted: str, source: Path) -> tuple[Floats | None, str]:
    found: dict[str, Floats] = {}
    for variant in variants_of(columns):
        predicted = [variant_column(f"{PREDICTED}{name}", variant) for name in _POSITION.output_names]
        if NETWORK not in found and all(name in columns for name in predicted):
            # Of several variants the first one sorts the events, for all estimates alike.
            found[NETWORK] = np.column_stack([columns[name] for name in predicted])
    conventional = conventional_values(columns, _POSITION.name)
    if conventional is not None:
        found[CONVENTIONAL] = conventional
    truth = truth_in(columns, _POSITION.name)
    if truth is None and "xyzTruth" in columns:
        truth = uvw_of_xyz(columns["xyzTruth"])
    if truth is not None:
        found[TRUTH] = truth
    if wanted == "auto":
        wanted = next(iter(found), "")
    elif wanted not in found:
        raise AnalysisError(
            f"{source}: no position of the kind {wanted!r}; it has those of {', '.join(found) or 'none'}"
        )
    return (np.asarray(found[wanted], np.float64), wanted) if wanted else (None, "")


def _column(columns: Columns, text: str, source: Path) -> Floats:
    """A column by its name, or one of several numbers by ``name[k]``."""
    element = _ELEMENT.fullmatch(text)
    name = element["name"] if element else text
    if name not in columns:
        raise AnalysisError(
            f"{source}: cuts: no column {name!r}{did_you_mean(name, columns)}; it has {', '.join(columns)}"
        )
    values = np.asarray(columns[name], np.float64)
    index = int(element["index"]) if element else None
    if values.ndim == 1 and index is None:
        return values
    size = values.shape[1] if values.ndim == 2 else 0
    if index is None or index >= size:
        expected = f"{name}[0] to {name}[{size - 1}]" if size else name
        raise AnalysisError(f"{source}: cuts: found {text!r}, expected {expected}")
    return np.asarray(values[:, index])


def _within(values: Floats, bounds: tuple[float | None, float | None]) -> NDArray[np.bool_]:
    low, high = bounds
    inside = ~is_invalid(values)
    if low is not None:
        inside &= values >= low
    if high is not None:
        inside &= values <= high
    return inside
