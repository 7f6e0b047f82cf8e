"""An inpainter from a checkpoint or an ONNX file, with numpy arrays as inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xec_export.errors import ExportError
from xec_export.prediction.model_file import check_model_file, is_checkpoint
from xec_geometry.support.processors import available_cores

if TYPE_CHECKING:
    from xec_export.onnx.description import ModelDescription

KIND = "inpainter"
SUFFIX = "_inpainted"
"""End of the names of an inpainter's outputs: ``npho_inpainted``, ``time_inpainted``."""

CPU_BATCH = 16
GPU_BATCH = 256


class InpaintingNetwork:
    """A trained inpainter.

    Parameters
    ----------
    path
        A checkpoint of the objective ``inpainting``, or what `xec export` made of one.
    batch_size
        Events at a time; by default 16 on the CPU and 256 on a GPU.
    threads
        Threads of the CPU; by default ``OMP_NUM_THREADS``, or all cores.

    Attributes
    ----------
    description : ModelDescription
        What it is.
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
        If a checkpoint is damaged, or one for another geometry than the installed one.
    """

    def __init__(
        self, path: str | Path, *, batch_size: int | None = None, threads: int | None = None
    ) -> None:
        self.path = Path(path)
        check_model_file(self.path)
        self._run, description, self.device = (_of_checkpoint if is_checkpoint(self.path) else _of_graph)(
            self.path, threads
        )
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else CPU_BATCH)
        self.description = description
        self.input_range = {name: (low, high) for name, (low, high) in description.input_range.items()}
        self.geometry, self.geometry_hash = description.geometry, description.geometry_hash
        self.layout = description.layout
        self.npho_branch, self.time_branch = description.npho_branch, description.time_branch
        self.channels = description.tasks
        self.npho_threshold = float(description.normalization["npho_threshold"])

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
            For each of `channels` (n, sensors) float32: the reading where no sensor is dead, and of events
            without a valid count beside the dead ones. Times below the threshold of photons are invalid.
        """
        # A number beyond float32 becomes infinite, which is an invalid reading like any other.
        with np.errstate(over="ignore"):
            found = self._run(*(array.astype(np.float32) for array in (npho, time, dead)))
        return {channel: found[channel + SUFFIX] for channel in self.channels}


Run = Callable[..., Mapping[str, NDArray[np.float32]]]


def _of_checkpoint(path: Path, threads: int | None) -> tuple[Run, ModelDescription, str]:
    import torch

    from xec_export.forms.inpainter import build_inpainter
    from xec_export.onnx.export import torch_predict
    from xec_models.checkpoint.reading import read_checkpoint

    torch.set_num_threads(threads or min(torch.get_num_threads(), available_cores()))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network, description = build_inpainter(read_checkpoint(path), path)
    return torch_predict(network.to(device), device), description, device


def _of_graph(path: Path, threads: int | None) -> tuple[Run, ModelDescription, str]:
    from xec_export.prediction.graph import OnnxGraph

    graph = OnnxGraph(path, threads)
    if graph.description.kind != KIND:
        raise ExportError(f"{path}: a graph of kind '{graph.description.kind}'; expected kind '{KIND}'")
    return graph, graph.description, graph.device
