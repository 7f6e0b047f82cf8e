"""Streaming writer of CSV files; a file appears under its name when it is complete."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from xec_data.errors import DataError
from xec_geometry.support.output import atomic_output


class CsvWriter:
    """Write a table of comma-separated values, batch by batch.

    Use it in a ``with`` block: the file appears when the block ends, and not at all if the block raises.
    Numbers are written with as many digits as their type needs to be read back exactly.

    Parameters
    ----------
    path
        The file; an existing one is replaced at the end.
    columns
        Names of the columns, in order.
    """

    def __init__(self, path: str | Path, columns: Sequence[str]) -> None:
        self.path = Path(path)
        self.columns = list(columns)
        self._stack = ExitStack()
        self._rows: Any = None

    def __enter__(self) -> Self:
        temporary = self._stack.enter_context(atomic_output(self.path))
        file = self._stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(self.columns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def extend(self, table: Mapping[str, ArrayLike]) -> None:
        """Append rows.

        Parameters
        ----------
        table
            Column → values, one per row.

        Raises
        ------
        DataError
            If a column is missing, unknown, of another length than the others, or not one-dimensional.
        """
        if set(table) != set(self.columns):
            raise DataError(f"{self.path}: columns {', '.join(table)}; expected {', '.join(self.columns)}")
        arrays = [np.asarray(table[name]) for name in self.columns]
        shapes = {name: array.shape for name, array in zip(self.columns, arrays, strict=True)}
        if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise DataError(f"{self.path}: shapes of the columns {shapes}; expected one length for all")
        # The shortest text that stands for exactly this number in this type.
        self._rows.writerows(zip(*(array.astype(str) for array in arrays), strict=True))
