"""One interface for predictions, from an ONNX file or a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from xec_export.errors import ExportError
from xec_export.forms.inputs import READINGS
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.arrays import ArrayPredictor, Library
from xec_export.prediction.batches import Floats, in_batches
from xec_export.prediction.graph import OnnxGraph
from xec_export.prediction.model_file import check_model_file, is_checkpoint
from xec_export.prediction.providers import AUTO, PROVIDERS, unavailable
from xec_geometry import MIRRORS
from xec_geometry.support.processors import available_cores

if TYPE_CHECKING:
    from torch import Tensor

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

    @overload
    def predict(self, npho: Any, time: Any, *, library: Literal["np"] = "np") -> dict[str, Floats]: ...

    @overload
    def predict(self, npho: Any, time: Any, *, library: Literal["torch"]) -> dict[str, Tensor]: ...

    def predict(
        self, npho: Any, time: Any, *, library: Library = "np"
    ) -> dict[str, Floats] | dict[str, Tensor]:
        """Predict for one event or any number of them; see `ArrayPredictor.predict`."""


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


class OnnxPredictor(ArrayPredictor):
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
        self._graph = OnnxGraph(self.path, threads, provider, tasks)
        self.description, self.device = self._graph.description, self._graph.device
        check_predicts(self.description, self.path)
        # A graph that averages reflected events makes several of each.
        passes = len(MIRRORS) if self.description.mirror_average else 1
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else ONNX_BATCH) // passes

    def _predict(self, npho: Any, time: Any) -> dict[str, Floats]:
        return in_batches(self._graph, self.description, self.batch_size, npho, time)


class TorchPredictor(ArrayPredictor):
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

        from xec_export.forms.regressor import load_described

        self.path = Path(path)
        torch.set_num_threads(threads or min(torch.get_num_threads(), available_cores()))
        self.device = _torch_device(provider)
        self._network, description = load_described(self.path, device=self.device)
        self.description = description.only(tasks, str(self.path))
        self.batch_size = batch_size or (GPU_BATCH if self.device == "cuda" else TORCH_BATCH)

    def _predict(self, npho: Any, time: Any) -> dict[str, Floats]:
        return in_batches(self._run, self.description, self.batch_size, npho, time)

    def _run(self, npho: Floats, time: Floats) -> dict[str, Floats]:
        import torch

        with torch.inference_mode():
            outputs = self._network(*(torch.from_numpy(x).to(self.device) for x in (npho, time)))
        return {name: outputs[name].float().cpu().numpy() for name in self.description.output_names}


def check_predicts(description: ModelDescription, path: Path) -> None:
    """Check that a graph predicts physical quantities of events.

    Raises
    ------
    ExportError
        If it is one of another kind.
    """
    if description.inputs != READINGS or any(output.shape for output in description.outputs):
        remedy = "; `xec inpaint` takes it" if description.kind == "inpainter" else ""
        raise ExportError(
            f"{path}: a graph of kind '{description.kind}', which takes {', '.join(description.inputs)} and "
            f"gives {', '.join(description.output_names)}; expected one that predicts quantities of events"
            f"{remedy}"
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
