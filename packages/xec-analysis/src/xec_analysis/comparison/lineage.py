"""Runs that go on from a checkpoint of another one, as one curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from xec_analysis.comparison.compared_run import ComparedRun
from xec_analysis.runs.run_comparison import Curves
from xec_analysis.runs.training_curves import Curve

_RESUMED = "checkpoint.resume_from"


@dataclass(frozen=True)
class Lineage:
    """Runs of which each goes on from a checkpoint of the one before.

    Attributes
    ----------
    runs
        The runs, from the first to the last.
    curves
        Their metrics as one training: each counts until the epoch of the checkpoint that the next one
        started from.
    seams
        The epochs after which the next run goes on.
    """

    runs: tuple[ComparedRun, ...]
    curves: Curves
    seams: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """The names of the runs."""
        return " → ".join(run.label for run in self.runs)


def lineages(runs: Sequence[ComparedRun]) -> list[Lineage]:
    """Join runs that go on from one another; one that others go on from is no curve of its own."""
    parents = {run.label: parent_of(run, runs) for run in runs}
    ancestors = {parent.label for parent in parents.values() if parent is not None}
    found = []
    for run in runs:
        if run.label in ancestors:
            continue
        chain = [run]
        while (parent := parents[chain[0].label]) is not None and parent not in chain:
            chain.insert(0, parent)
        found.append(_joined(chain))
    # Runs that name each other in a ring have no last one.
    return found or [_joined([run]) for run in runs]


def parent_of(run: ComparedRun, runs: Sequence[ComparedRun]) -> ComparedRun | None:
    """Return the run whose checkpoint a run started from, if it is one of those given."""
    named = run.config.get(_RESUMED)
    if not isinstance(named, str):
        return None
    path = Path(named)
    others = [other for other in runs if other is not run]
    for other in others:
        folder = other.directory.path.resolve()
        if path.resolve() in (folder, *(folder / file.name for file in folder.glob("*.pth"))):
            return other
    # Runs that were moved, or were trained in another working folder, keep the name of theirs.
    names = (path.name,) if path.suffix != ".pth" else (path.parent.name,)
    same = [other for other in others if other.directory.name in names]
    return same[0] if len(same) == 1 else None


def _joined(chain: Sequence[ComparedRun]) -> Lineage:
    curves: dict[str, Curve] = dict(chain[0].curves)
    seams: list[float] = []
    last = float(chain[0].epochs)
    for before, run in pairwise(chain):
        first = run.first_epoch
        end = _end(before, run, first, last)
        # A run that starts anew counts its epochs from 1.
        shift = end if first <= 1 else 0.0
        curves = {
            name: _appended(curves.get(name), run.curves.get(name), end, shift)
            for name in {**curves, **run.curves}
        }
        seams.append(end)
        last = shift + run.epochs
    return Lineage(tuple(chain), curves, tuple(seams))


def _end(before: ComparedRun, run: ComparedRun, first: float, last: float) -> float:
    """Return the last epoch of the earlier run that counts, on the axis of the joined curve."""
    if 1 < first < np.inf:
        return first - 1
    best, name = before.best_epoch, Path(str(run.config[_RESUMED])).name
    if name == before.directory.checkpoint_best.name and best is not None:
        return last - before.epochs + best
    return last


def _appended(earlier: Curve | None, later: Curve | None, end: float, shift: float) -> Curve:
    parts = []
    if earlier is not None:
        kept = earlier.epoch <= end
        parts.append((earlier.epoch[kept], earlier.value[kept]))
    if later is not None:
        # What stands before the first epoch is no part of a curve.
        own = later.epoch > 0
        parts.append((later.epoch[own] + shift, later.value[own]))
    return Curve(*(np.concatenate(values) for values in zip(*parts, strict=True)))
