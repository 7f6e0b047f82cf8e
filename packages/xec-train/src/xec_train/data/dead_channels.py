"""Dead channels of real lists in training: a random part of one of them is made invalid in every event."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_data.dead_channels.sources import TextDeadChannels, open_dead_channels, write_dead_channels
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_geometry import N_SENSORS
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.data.augmentation import make_invalid
from xec_train.data.batch import Batch

Bools = NDArray[np.bool_]


class RandomDeadChannels:
    """Random parts of lists of dead channels.

    For every event one of the lists is drawn, and a fraction between 0 and 1; each sensor of the list is then
    dead with this probability. So a network meets the healthy detector, whole lists, and all between.

    Parameters
    ----------
    lists
        (k, N_SENSORS) bool; none: nothing is changed, and no random number drawn.
    """

    def __init__(self, lists: Bools | None = None) -> None:
        self.lists: Bools = np.zeros((0, N_SENSORS), dtype=np.bool_) if lists is None else lists
        self._on: dict[torch.device, Tensor] = {}

    def __call__(self, batch: Batch) -> Batch:
        """Make the sensors that are drawn invalid, in place, with torch's own random numbers.

        Parameters
        ----------
        batch
            Readings of shape (n, sensors).

        Returns
        -------
        dict
            The same batch.
        """
        if not len(self.lists):
            return batch
        first = batch[SENSOR_BRANCHES[0]]
        device = first.device
        if device not in self._on:
            self._on[device] = torch.as_tensor(self.lists, device=device)
        lists = self._on[device]
        which = torch.randint(len(lists), (len(first),), device=device)
        fraction = torch.rand(len(first), 1, device=device)
        return make_invalid(batch, lists[which] & (torch.rand(first.shape, device=device) < fraction))

    def describe(self) -> str:
        """Describe the lists in words; empty without any."""
        if not len(self.lists):
            return ""
        numbers = " and ".join(str(int(number)) for number in self.lists.sum(axis=1))
        what = "a list" if len(self.lists) == 1 else f"{len(self.lists)} lists"
        return f"dead channels: {what} of {numbers} sensors, of which a random part is dead in every event"


def read_lists(sources: Sequence[str], resumed: RunDirectory | None = None) -> Bools:
    """Read lists of dead channels, (sources, N_SENSORS).

    Parameters
    ----------
    sources
        As for `open_dead_channels`; a database needs the number of a run behind its ``#``.
    resumed
        A run that goes on: what its lists were is what they are, whatever has happened to the
        sources since.

    Raises
    ------
    DataError
        As `open_dead_channels`.
    """
    lists = np.zeros((len(sources), N_SENSORS), dtype=np.bool_)
    for number, source in enumerate(sources, start=1):
        kept = None if resumed is None else resumed.dead_channels(number)
        if kept is not None and kept.is_file() and _source_of(kept) == source:
            lists[number - 1] = TextDeadChannels(kept).dead()
        else:
            lists[number - 1] = open_dead_channels(source).dead()
    return lists


def write_lists(run: RunDirectory, sources: Sequence[str], lists: Bools) -> None:
    """Write the lists of a run into its directory, for `read_lists`."""
    for number, (source, dead) in enumerate(zip(sources, lists, strict=True), start=1):
        write_dead_channels(run.dead_channels(number), dead, [source])


def _source_of(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().removeprefix("#").strip()
