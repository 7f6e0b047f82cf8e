"""The file of reconstructed events, sensor by sensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_data.schema.branches import ID_BRANCHES, SCHEMA, is_invalid
from xec_data.writing.tree_writer import TreeWriter
from xec_models.checkpoint.run_directory import RunDirectory


def write_reconstruction(
    path: Path,
    network: nn.Module,
    batches: Iterable[Mapping[str, Tensor]],
    channels: Sequence[str],
    n_events: float,
) -> Path:
    """Write events with the mask, and truth, prediction and error of each sensor.

    Parameters
    ----------
    path
        The run directory.
    network
        Called with npho, time, mask; returns (B, sensors) by channel.
    batches
        Readings and ``mask``, on the device of the network.
    channels
        Channels that it predicts.
    n_events
        Largest number of events to write.

    Returns
    -------
    Path
        ``reconstruction_<run>.root``: run, event, mask (1: hidden), and by channel ``truth_*``, ``pred_*``
        and ``error_*`` = pred − truth, NaN where there is no truth, in photons and seconds. Its metadata
        name the channels and their units.
    """
    run, written = RunDirectory(path), 0
    metadata = {"channels": list(channels), "units": {name: SCHEMA[name].unit for name in channels}}
    network.eval()
    with TreeWriter(run.reconstruction, metadata=metadata) as tree, torch.inference_mode():
        for batch in batches:
            n = int(min(len(batch["mask"]), n_events - written))
            if n == 0:
                break
            mask = batch["mask"][:n]
            predicted = network(batch["npho"][:n], batch["time"][:n], mask)
            identity = {
                name: batch[name][:n].cpu().numpy()
                if name in batch
                else np.arange(written, written + n, dtype=np.int64)
                for name in ID_BRANCHES
            }
            columns = {name: _compared(batch[name][:n], predicted[name]) for name in channels}
            tree.extend(
                {
                    **identity,
                    "mask": mask.cpu().numpy().astype(np.uint8),
                    **{
                        f"{part}_{name}": values
                        for name in channels
                        for part, values in columns[name].items()
                    },
                }
            )
            written += n
    return run.reconstruction


def _compared(truth: Tensor, predicted: Tensor) -> dict[str, NDArray[Any]]:
    true, pred = truth.cpu().numpy(), predicted.float().cpu().numpy()
    known = ~is_invalid(true)
    error = np.subtract(pred, true, out=np.full_like(true, np.nan), where=known)
    return {"truth": true, "pred": pred, "error": error}
