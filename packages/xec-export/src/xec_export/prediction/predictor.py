"""One interface for predictions, from an ONNX file or a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.runtime import CPU_PROVIDER, CUDA_PROVIDER, check_operators, open_session
from xec_geometry import MIRRORS, geometry_hash
from xec_geometry.detector.names import check_layout

Floats = NDArray[np.float32]

# With few events ONNX Runtime's activations stay in the processor's caches; torch works on a few at a time
# by itself, and a GPU wants many.
ONNX_BATCH = 16
TORCH_BATCH = 64
GPU_BATCH = 512

_CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt")


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
    path: str | Path, *, batch_size: int | None = None, threads: int | None = None
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

    Returns
    -------
    OnnxPredictor or TorchPredictor
        Both are a `Predictor`.

    Raises
    ------
    ExportError, CheckpointError
        If the file is neither, is truncated, or belongs to another geometry than the installed one.
    """
    path = Path(path)
    check_model_file(path)
    predictor = TorchPredictor if is_checkpoint(path) else OnnxPredictor
    return predictor(path, batch_size=batch_size, threads=threads)


class OnnxPredictor:
    """A network in an ONNX file, run by ONNX Runtime.

    Parameters
    ----------
    path
        The file.
    batch_size, threads
        As for `open_predictor`.
    """

    def __init__(
        self, path: str | Path, *, batch_size: int | None = None, threads: int | None = None
    ) -> None:
        self.path = Path(path)
        self._session = open_session(self.path, threads)
        self.description = ModelDescription.from_metadata(self._metadata(), self.path)
        check_geometry(self.description, self.path)
        check_operators(self.path)
        self.device = {CUDA_PROVIDER: "cuda", CPU_PROVIDER: "cpu"}[self._session.get_providers()[0]]
        # A graph that averages reflected events makes several of each.
        passes = len(MIRRORS) if self.description.mirror_average else 1
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else ONNX_BATCH) // passes

    def predict(self, npho: ArrayLike, time: ArrayLike) -> dict[str, Floats]:
        """Predict for any number of events; see `Predictor.predict`."""
        return _in_batches(self._run, self.description, self.batch_size, npho, time)

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
    batch_size, threads
        As for `open_predictor`.
    """

    def __init__(
        self, path: str | Path, *, batch_size: int | None = None, threads: int | None = None
    ) -> None:
        import torch

        from xec_export.onnx.network import load_described

        self.path = Path(path)
        if threads:
            torch.set_num_threads(threads)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network, self.description = load_described(self.path, device=self.device)
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else TORCH_BATCH)

    def predict(self, npho: ArrayLike, time: ArrayLike) -> dict[str, Floats]:
        """Predict for any number of events; see `Predictor.predict`."""
        return _in_batches(self._run, self.description, self.batch_size, npho, time)

    def _run(self, npho: Floats, time: Floats) -> list[Floats]:
        import torch

        with torch.inference_mode():
            outputs = self._network(*(torch.from_numpy(x).to(self.device) for x in (npho, time)))
        return [outputs[name].float().cpu().numpy() for name in self.description.output_names]


def check_model_file(path: Path) -> None:
    """Check that a path names a file, and not one of the kinds that are often given by mistake.

    Raises
    ------
    ExportError
        If it is missing, a folder, or a ROOT or configuration file.
    """
    expected = "expected an ONNX file or a checkpoint"
    if path.is_dir():
        inside = sorted(file.name for pattern in ("*.onnx", "*.pth") for file in path.glob(pattern))
        hint = f", such as {path / inside[0]}" if inside else ""
        raise ExportError(f"{path} is a folder; {expected}{hint}")
    if not path.exists():
        from xec_geometry.errors import did_you_mean

        neighbours = (entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else ()
        raise ExportError(f"no such file: {path}{did_you_mean(path.name, neighbours)}; {expected}")
    with path.open("rb") as file:
        start = file.read(5)
    if start == b"root\0" or start[:4] == b"root":
        raise ExportError(f"{path} is a ROOT file; {expected} as the model")
    if not start:
        raise ExportError(f"{path} is empty; {expected}")


def files_of(model: Path) -> list[Path]:
    """Return the files of a model: itself, and the description beside it if there is one."""
    description = model.with_suffix(".json")
    return [model, *([description] if description.exists() else [])]


def is_checkpoint(path: Path) -> bool:
    """Distinguish a checkpoint (a zip archive, or a pickle of older versions of torch) from an ONNX file."""
    with path.open("rb") as file:
        start = file.read(4)
    return start.startswith((b"PK", b"\x80")) or path.suffix in _CHECKPOINT_SUFFIXES


def check_geometry(description: ModelDescription, path: Path) -> None:
    """Compare how a network's sensors are numbered and sorted with what is installed.

    The positions are its own: a graph and a checkpoint hold what they need of them.

    Raises
    ------
    ExportError
        If sensors, index maps or neighbours are others: its predictions would be wrong.
    """
    installed = geometry_hash(check_layout(description.layout))
    found = description.nominal_hash or description.geometry_hash
    if found != installed:
        raise ExportError(
            f"{path}: made for another geometry (layout '{description.layout}', hash "
            f"{found[:12]}, installed {installed[:12]}); its predictions would be wrong"
        )


def _in_batches(
    run: Callable[[Floats, Floats], list[Floats]],
    description: ModelDescription,
    batch_size: int,
    npho: ArrayLike,
    time: ArrayLike,
) -> dict[str, Floats]:
    inputs = [
        as_events(values, name, description.n_sensors)
        for values, name in zip((npho, time), description.inputs, strict=True)
    ]
    n_events = len(inputs[0])
    if len(inputs[1]) != n_events:
        raise ExportError(f"npho has {n_events} events and time {len(inputs[1])}; expected the same number")
    outputs = {
        output.name: np.empty((n_events, len(output.columns)), np.float32) for output in description.outputs
    }
    for start in range(0, n_events, batch_size):
        batch = slice(start, start + batch_size)
        for target, values in zip(outputs.values(), run(inputs[0][batch], inputs[1][batch]), strict=True):
            target[batch] = values
    return outputs


def as_events(values: Any, name: str, n_sensors: int) -> Floats:
    """Return readings as (events, n_sensors) float32, one event with an axis of events too.

    Raises
    ------
    ExportError
        If they have another shape.
    """
    # A number beyond float32 becomes infinite, which is an invalid reading like any other.
    with np.errstate(over="ignore"):
        array = np.require(values, np.float32, ["C", "W"])
    events = array[None] if array.ndim == 1 else array
    if events.ndim != 2 or events.shape[1] != n_sensors:
        raise ExportError(f"{name} has shape {array.shape}; expected (events, {n_sensors})")
    return events
