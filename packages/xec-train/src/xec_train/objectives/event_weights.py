"""Weights of training events from a histogram, fitted or read from the run directory."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_geometry.support.output import atomic_output
from xec_train.errors import TrainError

FILE_NAME = "reweighting.npz"
"""The histograms, in the run directory: a resumed training reads them from there."""

Floats = NDArray[np.float64]


@dataclass
class EventWeights:
    """A histogram of true values, and the weight of the events in each of its bins.

    Attributes
    ----------
    columns
        Columns of the truth that span it.
    edges
        Edges of the bins along each column, ascending; values beyond belong to the outermost bins.
    weights
        Weight in each bin: inverse to the training events there, with mean 1 over these events; 1 where
        there are none.
    """

    columns: tuple[int, ...]
    edges: tuple[Floats, ...]
    weights: Floats
    _tables: dict[torch.device, tuple[list[Tensor], Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def fit(cls, truth: NDArray[Any], bins: Mapping[int, int], power: float = 1.0) -> EventWeights:
        """Fill a histogram between the smallest and the largest true value.

        Parameters
        ----------
        truth
            (n, columns) true values, n > 0.
        bins
            Columns that span the histogram, and the number of bins along each.
        power
            Weights are the number of events to the power of minus this.
        """
        columns, shape = tuple(bins), tuple(bins.values())
        values = np.asarray(truth, np.float64)[:, list(columns)]
        edges = tuple(
            np.linspace(low, high, n + 1)
            for low, high, n in zip(values.min(axis=0), values.max(axis=0), shape, strict=True)
        )
        # The same comparison as in `of`.
        indices = [np.searchsorted(edge[1:-1], values[:, i], side="right") for i, edge in enumerate(edges)]
        bin_of = np.ravel_multi_index(tuple(indices), shape)
        counts = np.bincount(bin_of, minlength=int(np.prod(shape))).reshape(shape)
        filled = counts > 0
        weights = np.ones(shape)
        weights[filled] = counts[filled] ** -float(power)
        weights[filled] *= len(values) / np.sum(counts[filled] * weights[filled])
        return cls(columns, edges, weights)

    def of(self, truth: Tensor) -> Tensor:
        """Return the weights (n,) of events with true values (n, columns), float32, on their device."""
        edges, weights = self._on(truth.device)
        index = torch.zeros(len(truth), dtype=torch.long, device=truth.device)
        for column, inner in zip(self.columns, edges, strict=True):
            values = truth[:, column].double().contiguous()
            index = index * (len(inner) + 1) + torch.bucketize(values, inner, right=True)
        return weights[index]

    def describe(self) -> str:
        """Describe bins and range of the weights in words."""
        shape = " × ".join(str(len(edge) - 1) for edge in self.edges)
        return f"{shape} bins, weights {self.weights.min():.3g} to {self.weights.max():.3g}"

    def _on(self, device: torch.device) -> tuple[list[Tensor], Tensor]:
        if device not in self._tables:
            inner = [torch.as_tensor(edge[1:-1]).to(device) for edge in self.edges]
            weights = torch.as_tensor(self.weights.ravel(), dtype=torch.float32).to(device)
            self._tables[device] = inner, weights
        return self._tables[device]


@dataclass(frozen=True)
class HistogramRequest:
    """A histogram to be fitted.

    Attributes
    ----------
    bins
        Columns that span the histogram, and the number of bins along each.
    values
        Returns the values (n, columns) of all training events.
    names
        Names of the columns, for the user.
    power
        As in `EventWeights.fit`.
    """

    bins: Mapping[int, int]
    values: Callable[[], NDArray[Any]]
    names: Sequence[str]
    power: float = 1.0


def fit_or_read(
    wanted: Mapping[str, HistogramRequest], folder: Path, *, resumed: bool, write: bool
) -> tuple[dict[str, EventWeights], list[str]]:
    """Fit weights, or read those in the run directory if that run is resumed.

    Parameters
    ----------
    wanted
        Histograms by name, such as that of a task.
    folder
        The run directory.
    resumed
        Whether the run there is resumed: then its weights are used, if it has them.
    write
        Whether this process writes files.

    Returns
    -------
    dict, list of str
        Weights by name, and lines for the user.

    Raises
    ------
    TrainError
        If the weights of the run cannot be read.
    """
    path, lines = folder / FILE_NAME, []
    kept = _read(path) if resumed and wanted and path.exists() else {}
    weights = {}
    for name, histogram in wanted.items():
        before = kept.get(name)
        if before is not None and dict(zip(before.columns, before.weights.shape, strict=True)) == dict(
            histogram.bins
        ):
            weights[name] = before
        else:
            weights[name] = EventWeights.fit(histogram.values(), histogram.bins, histogram.power)
        source = f" (from {path})" if weights[name] is before else ""
        lines.append(f"weights by {', '.join(histogram.names)}: {weights[name].describe()}{source}")
    if write and any(weights[name] is not kept.get(name) for name in weights):
        _write(path, weights)
    return weights, lines


def _write(path: Path, weights: Mapping[str, EventWeights]) -> None:
    arrays: dict[str, Any] = {}
    for task, table in weights.items():
        arrays[f"{task}.columns"] = np.array(table.columns)
        arrays[f"{task}.weights"] = table.weights
        arrays |= {f"{task}.edges{i}": edge for i, edge in enumerate(table.edges)}
    with atomic_output(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path) -> dict[str, EventWeights]:
    tables = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for task in [name.removesuffix(".weights") for name in file if name.endswith(".weights")]:
                weights = file[f"{task}.weights"]
                columns = tuple(map(int, file[f"{task}.columns"]))
                edges = tuple(file[f"{task}.edges{i}"] for i in range(len(columns)))
                if weights.shape != tuple(len(edge) - 1 for edge in edges):
                    raise ValueError(f"weights of the shape {weights.shape} do not fit the edges")
                if any(np.any(np.diff(edge) < 0) for edge in edges):
                    raise ValueError("edges do not ascend")
                tables[task] = EventWeights(columns, edges, weights)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainError(
            f"{path} cannot be read ({error}); expected the weights with which the run was started. "
            "Without the file they are computed again"
        ) from error
    return tables
