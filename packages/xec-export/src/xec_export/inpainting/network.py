"""An inpainter from a checkpoint, with numpy arrays as inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from xec_data.schema.branches import INVALID
from xec_export.errors import ExportError
from xec_export.prediction.model_file import check_model_file
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

CPU_BATCH = 16
GPU_BATCH = 256


class InpaintingNetwork:
    """A trained inpainter.

    Parameters
    ----------
    path
        A checkpoint of the objective ``inpainting``.
    batch_size
        Events at a time; by default 16 on the CPU and 256 on a GPU.
    threads
        Threads of the CPU; by default ``OMP_NUM_THREADS``, or all cores.

    Attributes
    ----------
    channels : tuple of str
        Channels that it recovers.
    npho_branch, time_branch : str
        The branches that it was trained on.
    device : str
        ``cpu`` or ``cuda``.
    geometry, geometry_hash, layout : str
        Where its training had the positions of the sensors from, and their hash in its layout.

    Raises
    ------
    ExportError
        If the file holds another kind of network.
    CheckpointError
        If it is not a checkpoint, or one for another geometry than the installed one.
    """

    def __init__(
        self, path: str | Path, *, batch_size: int | None = None, threads: int | None = None
    ) -> None:
        path = Path(path)
        check_model_file(path)
        if threads:
            torch.set_num_threads(threads)
        checkpoint = read_checkpoint(path)
        if checkpoint.kind != XECInpainter.kind:
            raise ExportError(
                f"{path}: a checkpoint of kind '{checkpoint.kind}'; expected kind '{XECInpainter.kind}', "
                "which 'xec train' makes with objective: inpainting"
            )
        self.path = path
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else CPU_BATCH)
        network = build_model(checkpoint, source=str(path), kind=XECInpainter).to(self.device)
        self._network = network
        files = checkpoint.config.files
        self.input_range = checkpoint.inputs
        self.geometry = checkpoint.config.geometry_source
        self.geometry_hash, self.layout = checkpoint.provenance.geometry_hash, checkpoint.provenance.layout
        self.npho_branch, self.time_branch = files.npho_branch, files.time_branch
        self.channels = network.channels
        self.npho_threshold = float(network.normalization.npho_threshold)

    def recover(
        self, npho: NDArray[np.floating], time: NDArray[np.floating], dead: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float32]]:
        """Recover the dead sensors of a batch.

        Parameters
        ----------
        npho, time
            (n, sensors) readings as they stand in the files.
        dead
            (n, sensors) sensors to recover.

        Returns
        -------
        dict
            For each of `channels` (n, sensors) float32; without meaning where no sensor is dead. Times below
            the threshold of photons are invalid.
        """
        with torch.inference_mode(), np.errstate(over="ignore"):
            arrays = (npho.astype(np.float32), time.astype(np.float32), dead)
            out = self._network(*(torch.from_numpy(array).to(self.device) for array in arrays))
        found = {name: values.float().cpu().numpy() for name, values in out.items()}
        if "time" in found:
            # As in every file: a time of few photons means nothing.
            bright = found["npho"] >= self.npho_threshold
            found["time"] = np.where(bright, found["time"], np.float32(INVALID))
        return found
