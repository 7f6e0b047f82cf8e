"""One interface for predictions, from an ONNX file or a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.batches import Floats, in_batches
from xec_export.prediction.model_file import check_geometry, check_model_file, is_checkpoint
from xec_export.prediction.providers import AUTO, PROVIDERS, provider_of, unavailable
from xec_export.prediction.runtime import check_operators, open_session
from xec_geometry import MIRRORS
from xec_geometry.errors import did_you_mean

# With few events ONNX Runtime's activations stay in the processor's caches; torch works on a few at a time
# by itself, and a GPU wants many.
ONNX_BATCH = 16
TORCH_BATCH = 64
GPU_BATCH = 512


class Predictor(Protocol):
    """A network that predicts physical quantities from raw readings."""

    @property
    def description(self) -> ModelDescription:
        """Tasks, outputs, branches and constants of the network."""

    @property
    def path(self) -> Path:
        """The file of the network."""

    @property
    def device(self) -> str:
        """Device: ``cpu`` or ``cuda``."""

    @property
    def batch_size(self) -> int:
        """Events that go through the network at a time."""

    def predict(self, npho: ArrayLike, time: ArrayLike) -> dict[str, Floats]:
        """Predict for any number of events.

        Parameters
        ----------
        npho, time
            Raw photons and seconds, (n, n_sensors) or (n_sensors,) for one event; invalid readings as
            they stand in the files.

        Returns
        -------
        dict
            Output name to (n, columns) float32, in the units of the description.
        """


def open_predictor(
    path: str | Path,
    *,
    batch_size: int | None = None,
    threads: int | None = None,
    provider: str = AUTO,
    tasks: Sequence[str] | None = None,
) -> OnnxPredictor | TorchPredictor:
    """Open an ONNX file or a checkpoint for inference.

    Parameters
    ----------
    path
        A file written by `xec export`, or a checkpoint written by `xec train`.
    batch_size
        Events at a time; by default 16 on the CPU (64 for a checkpoint) and 512 on a GPU.
    threads
        Threads of the CPU; by default ``OMP_NUM_THREADS``, or all cores.
    provider
        What runs it: a name of `xec_export.prediction.providers.PROVIDERS`, or ``auto``.
    tasks
        Some of the network's tasks; by default all.

    Returns
    -------
    OnnxPredictor or TorchPredictor
        Both are a `Predictor`.

    Raises
    ------
    ExportError, CheckpointError
        If the file is neither, is truncated, or belongs to another geometry than the installed one, or the
        provider or a task is not there.
    """
    path = Path(path)
    check_model_file(path)
    predictor = TorchPredictor if is_checkpoint(path) else OnnxPredictor
    return predictor(path, batch_size=batch_size, threads=threads, provider=provider, tasks=tasks)


class OnnxPredictor:
    """A network in an ONNX file, run by ONNX Runtime.

    Parameters
    ----------
    path
        The file.
    batch_size, threads, provider, tasks
        As for `open_predictor`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        batch_size: int | None = None,
        threads: int | None = None,
        provider: str = AUTO,
        tasks: Sequence[str] | None = None,
    ) -> None:
        self.path = Path(path)
        self._session = open_session(self.path, threads, provider)
        self.description = _only(
            ModelDescription.from_metadata(self._metadata(), self.path), tasks, self.path
        )
        check_geometry(self.description, self.path)
        check_operators(self.path)
        self.device = provider_of(self._session.get_providers()[0]).device
        # A graph that averages reflected events makes several of each.
        passes = len(MIRRORS) if self.description.mirror_average else 1
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else ONNX_BATCH) // passes

    def predict(self, npho: ArrayLike, time: ArrayLike) -> dict[str, Floats]:
        """Predict for any number of events; see `Predictor.predict`."""
        return in_batches(self._run, self.description, self.batch_size, npho, time)

    def _metadata(self) -> dict[str, str]:
        try:
            metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise ExportError(f"{self.path}: its metadata are no text: {error.reason}") from error
        return metadata

    def _run(self, npho: Floats, time: Floats) -> list[Floats]:
        names = list(self.description.output_names)
        feed = dict(zip(self.description.inputs, (npho, time), strict=True))
        try:
            outputs: list[Floats] = self._session.run(names, feed)
        except Exception as error:
            # ONNX Runtime's exceptions share no base class of their own.
            reason = " ".join(str(error).split())
            raise ExportError(
                f"{self.path}: ONNX Runtime cannot run the graph for {len(npho)} events: {reason}"
            ) from error
        for output, values in zip(self.description.outputs, outputs, strict=True):
            dtype = getattr(values, "dtype", type(values).__name__)
            if dtype != np.float32:
                raise ExportError(
                    f"{self.path}: the output '{output.name}' of the graph holds {dtype}, expected float32"
                )
            shape, expected = values.shape, (len(npho), len(output.columns))
            if shape != expected:
                # One row for all events would be broadcast to each of them.
                raise ExportError(
                    f"{self.path}: the output '{output.name}' of the graph has the shape {shape} for "
                    f"{len(npho)} events, expected {expected}"
                )
        return outputs


class TorchPredictor:
    """A network in a checkpoint, run by torch.

    Parameters
    ----------
    path
        The checkpoint.
    batch_size, threads, provider, tasks
        As for `open_predictor`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        batch_size: int | None = None,
        threads: int | None = None,
        provider: str = AUTO,
        tasks: Sequence[str] | None = None,
    ) -> None:
        import torch

        from xec_export.onnx.network import load_described

        self.path = Path(path)
        if threads:
            torch.set_num_threads(threads)
        self.device = _torch_device(provider)
        self._network, description = load_described(self.path, device=self.device)
        self.description = _only(description, tasks, self.path)
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else TORCH_BATCH)

    def predict(self, npho: ArrayLike, time: ArrayLike) -> dict[str, Floats]:
        """Predict for any number of events; see `Predictor.predict`."""
        return in_batches(self._run, self.description, self.batch_size, npho, time)

    def _run(self, npho: Floats, time: Floats) -> list[Floats]:
        import torch

        with torch.inference_mode():
            outputs = self._network(*(torch.from_numpy(x).to(self.device) for x in (npho, time)))
        return [outputs[name].float().cpu().numpy() for name in self.description.output_names]


def _only(description: ModelDescription, tasks: Sequence[str] | None, path: Path) -> ModelDescription:
    """Leave out the outputs of all tasks but some."""
    for task in tasks or ():
        if task not in description.tasks:
            raise ExportError(
                f"{path}: no task '{task}'{did_you_mean(task, description.tasks)}; the network has "
                f"{', '.join(description.tasks)}"
            )
    if tasks is None:
        return description
    return replace(
        description, outputs=tuple(output for output in description.outputs if output.task in tasks)
    )


def _torch_device(provider: str) -> str:
    import torch

    there_are = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
    if provider == AUTO:
        return there_are[0]
    device = PROVIDERS.get_named(provider, "--provider: ").torch_device
    if not device:
        raise unavailable(provider, there_are, "torch, which runs checkpoints, does not know it (xec export)")
    if device not in there_are:
        raise unavailable(provider, there_are, "torch finds no GPU that it can use")
    return device
