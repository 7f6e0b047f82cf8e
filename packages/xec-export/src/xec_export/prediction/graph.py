"""A graph of `xec export`, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.model_file import check_geometry
from xec_export.prediction.providers import AUTO, provider_of
from xec_export.prediction.runtime import check_operators, open_session

Floats = NDArray[np.float32]


class OnnxGraph:
    """An ONNX file, ready to be run.

    Parameters
    ----------
    path
        A file written by `xec export`.
    threads
        Threads of the CPU; by default ``OMP_NUM_THREADS``, or all cores.
    provider
        What runs it, a name of `PROVIDERS`, or ``auto``.
    tasks
        Its tasks that are wanted; by default all.

    Attributes
    ----------
    description : ModelDescription
        What it is.
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    ExportError
        If the file is none, is truncated, or belongs to another geometry than the installed one.
    """

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        provider: str = AUTO,
        tasks: Sequence[str] | None = None,
    ) -> None:
        self.path = path
        self._session = open_session(path, threads, provider)
        self.description = ModelDescription.from_metadata(self._metadata(), path).only(tasks, str(path))
        check_geometry(self.description, path)
        check_operators(path)
        self.device = provider_of(self._session.get_providers()[0]).device

    def __call__(self, *inputs: Floats) -> dict[str, Floats]:
        """Run the graph.

        Parameters
        ----------
        inputs
            (n, sensors) float32 each, in the order of the description.

        Returns
        -------
        dict
            Output name to (n, ...) float32, see `OutputDescription.axes`.

        Raises
        ------
        ExportError
            If it cannot be run, or gives something else than its description says.
        """
        names = list(self.description.output_names)
        feed = dict(zip(self.description.inputs, inputs, strict=True))
        n_events = len(inputs[0])
        try:
            outputs: list[Floats] = self._session.run(names, feed)
        except Exception as error:
            # ONNX Runtime's exceptions share no base class of their own.
            reason = " ".join(str(error).split())
            raise ExportError(
                f"{self.path}: ONNX Runtime cannot run the graph for {n_events} events: {reason}"
            ) from error
        for output, values in zip(self.description.outputs, outputs, strict=True):
            dtype = getattr(values, "dtype", type(values).__name__)
            if dtype != np.float32:
                raise ExportError(
                    f"{self.path}: the output '{output.name}' of the graph holds {dtype}, expected float32"
                )
            shape, expected = values.shape, (n_events, *output.axes)
            if shape != expected:
                # One row for all events would be broadcast to each of them.
                raise ExportError(
                    f"{self.path}: the output '{output.name}' of the graph has the shape {shape} for "
                    f"{n_events} events, expected {expected}"
                )
        return dict(zip(names, outputs, strict=True))

    def _metadata(self) -> dict[str, str]:
        try:
            metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise ExportError(f"{self.path}: its metadata are no text: {error.reason}") from error
        return metadata
