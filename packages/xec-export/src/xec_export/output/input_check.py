"""The check that the events of files look like those that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from xec_data.checking.input_range import NOTED, REFUSED, InputComparison
from xec_data.reading.tree_info import TreeInfo
from xec_export.errors import ExportError

_ENOUGH = 1000
"""Events after which a file is refused without reading the rest."""


class InputCheck:
    """Comparison of events with the training's, while they are read.

    Parameters
    ----------
    ranges
        Of the training, see `xec_data.checking.input_range`; empty if unknown.
    source
        The files, for messages.
    accept
        Whether unusual events are accepted.
    """

    def __init__(self, ranges: Mapping[str, Sequence[float]], source: str, *, accept: bool) -> None:
        limits = {name: (float(low), float(high)) for name, (low, high) in ranges.items()}
        self._known, self._accept, self._source = bool(limits), accept, source
        self._comparison = InputComparison(limits)

    def require_branch(self, trees: Iterable[TreeInfo], wanted: str) -> None:
        """Refuse another branch in place of that of the photons, where nothing tells its unit.

        Parameters
        ----------
        trees
            The files, as they were inspected.
        wanted
            The branch that the network was trained on, or that the user named.

        Raises
        ------
        ExportError
            If the ranges of the training are unknown and a file has only a substitute.
        """
        if self._known or self._accept:
            return
        for tree in trees:
            if (found := tree.stored["npho"]) != wanted:
                raise ExportError(
                    f"{tree.path}: no branch '{wanted}', only '{found}', and the network does not say what "
                    "the events of its training looked like: nothing tells whether the units are the same; "
                    f"expected '{wanted}', --npho-branch {found} for a network that was trained on it, or "
                    "--accept-range to go on all the same"
                )

    def add(self, npho: NDArray[Any], time: NDArray[Any]) -> None:
        """Compare some events, (n, sensors) raw readings each.

        Raises
        ------
        ExportError
            If too many of those so far are unusual.
        """
        if self._known:
            self._comparison.add(npho, time)
            if self._comparison.n_events >= _ENOUGH:
                self._raise_if_unusual()

    def finish(self) -> list[str]:
        """Return notes for the user.

        Raises
        ------
        ExportError
            If too many events are unusual.
        """
        if not self._known:
            return [
                "the network does not say what the events of its training looked like: units are not checked"
            ]
        self._raise_if_unusual()
        return [self._comparison.describe()] if self._comparison.fraction > NOTED else []

    def _raise_if_unusual(self) -> None:
        if self._comparison.fraction > REFUSED and not self._accept:
            raise ExportError(
                f"{self._source}: {self._comparison.describe()}; expected readings in the units of the "
                "training (--npho-branch, --time-branch), or --accept-range to go on all the same"
            )


def named(files: Sequence[Any]) -> str:
    """Name files in a few words."""
    return f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}"
