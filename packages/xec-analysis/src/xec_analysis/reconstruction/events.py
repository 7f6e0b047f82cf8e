"""Reconstructed readings of events, from the validation of a masked autoencoder or an inpainter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.estimators.network_comparison import NETWORK
from xec_analysis.inpainting.hidden_readings import HIDDEN_FOR_TEST, REALLY_DEAD, HiddenReadings
from xec_data.reading.columns import read_columns
from xec_data.reading.root_files import open_tree
from xec_data.schema.branches import TREE_NAME, is_invalid
from xec_geometry import N_SENSORS
from xec_models.checkpoint.run_directory import RunDirectory

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CHANNELS = ("npho", "time")


@dataclass(frozen=True)
class Reconstruction:
    """Events with hidden sensors, and a network's reconstruction of them.

    Attributes
    ----------
    name
        Of the run, or of the file.
    truth, predicted
        Channel → (n, N_SENSORS) photons or seconds; NaN where there is no reading.
    mask
        (n, N_SENSORS), True where a sensor was hidden.
    run, event
        (n,) identification; -1 where the file has none.
    """

    name: str
    truth: dict[str, Floats]
    predicted: dict[str, Floats]
    mask: Bools
    run: NDArray[np.int64]
    event: NDArray[np.int64]

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that were reconstructed: npho, and possibly time."""
        return tuple(self.truth)

    def __len__(self) -> int:
        return len(self.mask)

    def judged(self, channel: str) -> Bools:
        """Return the mask (n, N_SENSORS) of hidden sensors with a truth and a prediction."""
        return np.asarray(self.mask & np.isfinite(self.truth[channel]) & np.isfinite(self.predicted[channel]))

    def error(self, channel: str) -> Floats:
        """Return prediction − truth, (n, N_SENSORS)."""
        return self.predicted[channel] - self.truth[channel]

    def readings(self) -> HiddenReadings:
        """Collect the hidden sensors, one row each.

        Raises
        ------
        AnalysisError
            If no sensor with a valid reading was hidden.
        """
        entry, sensor = np.nonzero(self.mask)
        truth = self.truth["npho"][entry, sensor]
        if not self.judged("npho").any():
            raise AnalysisError(
                f"{self.name}: no sensor with a valid reading is hidden in {len(self)} events"
            )
        time = "time" in self.truth
        empty = np.empty(0)
        return HiddenReadings(
            entry=entry,
            sensor=sensor,
            mask_type=np.where(np.isfinite(truth), HIDDEN_FOR_TEST, REALLY_DEAD).astype(np.uint8),
            truth=truth,
            estimates={NETWORK: self.predicted["npho"][entry, sensor]},
            time_truth=self.truth["time"][entry, sensor] if time else empty,
            time_estimates={NETWORK: self.predicted["time"][entry, sensor]} if time else {},
            run=self.run,
            event=self.event,
        )


def reconstruction_file(run_or_file: Path, tree_name: str = TREE_NAME) -> Path | None:
    """Find the file of reconstructed readings: that of a run directory, or a ROOT file with such branches.

    Returns
    -------
    Path or None
        The file, if there is one.
    """
    if run_or_file.is_dir():
        path = RunDirectory(run_or_file).reconstruction
        return path if path.is_file() else None
    if run_or_file.suffix != ".root":
        return None
    with open_tree(run_or_file, tree_name) as tree:
        branches = tree.keys(recursive=True, full_paths=False)
    return run_or_file if {"mask", "truth_npho", "pred_npho"} <= set(branches) else None


def load_reconstruction(path: Path, name: str | None = None, *, tree_name: str = TREE_NAME) -> Reconstruction:
    """Read reconstructed readings.

    Parameters
    ----------
    path
        A file `reconstruction_<run>.root`.
    name
        Of the run; by default that of the file.
    tree_name
        Name of the tree.

    Raises
    ------
    AnalysisError
        If it has no events, or its branches are not one number per sensor.
    DataError
        If it cannot be read, or has no mask or photons.
    """
    with open_tree(path, tree_name) as tree:
        branches = tree.keys(recursive=True, full_paths=False)
    channels = [channel for channel in CHANNELS if f"pred_{channel}" in branches] or ["npho"]
    wanted = ["mask", *(f"{kind}_{channel}" for channel in channels for kind in ("truth", "pred"))]
    columns = read_columns(path, [*wanted, *(key for key in ("run", "event") if key in branches)], tree_name)
    n = len(columns["mask"])
    if n == 0:
        raise AnalysisError(f"{path}: no events in it")
    for branch in wanted:
        if columns[branch].shape != (n, N_SENSORS):
            found = columns[branch].shape[1:]
            raise AnalysisError(
                f"{path}: branch '{branch}' has entries of shape {found}; expected ({N_SENSORS},)"
            )

    def values(kind: str) -> dict[str, Floats]:
        read = {channel: columns[f"{kind}_{channel}"].astype(np.float64) for channel in channels}
        return {channel: np.where(is_invalid(x), np.nan, x) for channel, x in read.items()}

    run, event = (columns.get(key, np.full(n, -1)).astype(np.int64) for key in ("run", "event"))
    mask = columns["mask"].astype(bool)
    return Reconstruction(name or path.stem, values("truth"), values("pred"), mask, run, event)
