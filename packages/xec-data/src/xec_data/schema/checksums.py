"""Checksums of the clusters of a tree, stored beside it: what a disk has changed does not go unnoticed.

Most compression methods do not check what they read: one flipped bit in a basket becomes another number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xxhash
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from xec_data.errors import DataError

CHECKSUMS_KEY = "xec_checksums"
"""Key of the checksums in a ROOT file."""

_ALGORITHM = "xxh3_64"


class _Content(BaseModel):
    model_config = ConfigDict(strict=True)

    algorithm: Literal["xxh3_64"]
    ends: list[int]
    branches: dict[str, list[int]]


@dataclass
class TreeChecksums:
    """Checksums of the branches with numbers of a fixed length, cluster by cluster.

    Attributes
    ----------
    ends
        Entry behind the last one of each cluster.
    of_branch
        By branch, the checksum of each cluster.
    """

    ends: list[int] = field(default_factory=list)
    of_branch: dict[str, list[int]] = field(default_factory=dict)

    @property
    def n_entries(self) -> int:
        """Number of entries that were summed up."""
        return self.ends[-1] if self.ends else 0

    def add(self, cluster: Mapping[str, Any]) -> None:
        """Add a cluster: branch → array; those of a varying length are left out."""
        length = len(next(iter(cluster.values())))
        self.ends.append(self.n_entries + length)
        for name, values in cluster.items():
            if isinstance(values, np.ndarray):
                self.of_branch.setdefault(name, []).append(checksum(values))

    def check(self, name: str, values: NDArray[Any], start: int, stop: int, place: str) -> None:
        """Check the entries `start` to `stop` of a branch, as far as they are whole clusters.

        Raises
        ------
        DataError
            If a checksum is another one.
        """
        expected = self.of_branch.get(name)
        if expected is None:
            return
        begin = 0
        for end, wanted in zip(self.ends, expected, strict=True):
            if start <= begin and end <= stop and checksum(values[begin - start : end - start]) != wanted:
                raise DataError(
                    f"{place}, entries {begin} to {end - 1} are damaged: their checksum is not the one that "
                    "was written; copy the file again"
                )
            begin = end

    def to_text(self) -> str:
        """Return everything as text."""
        return json.dumps({"algorithm": _ALGORITHM, "ends": self.ends, "branches": self.of_branch})

    @classmethod
    def from_text(cls, text: str, n_entries: int) -> TreeChecksums | None:
        """Read what `to_text` wrote; None if it is something else, or was made for another tree.

        Parameters
        ----------
        text
            The text.
        n_entries
            Number of entries of the tree beside it.
        """
        try:
            content = _Content.model_validate_json(text)
        except ValidationError:
            return None
        found = cls(content.ends, content.branches)
        complete = all(len(sums) == len(found.ends) for sums in found.of_branch.values())
        ascending = found.ends == sorted(set(found.ends)) and found.ends[:1] > [0]
        return found if complete and ascending and found.n_entries == n_entries else None


def checksum(values: NDArray[Any]) -> int:
    """Return the XXH3 of numbers as little-endian bytes, whatever the machine: faster than memory is read."""
    return xxhash.xxh3_64_intdigest(
        np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).data.cast("B")
    )
