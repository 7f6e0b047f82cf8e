"""Predictions averaged over an event and its reflections, for a network in any form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xec_data.tasks.mirroring import mirror_mean, mirror_table
from xec_data.tasks.table import TASKS
from xec_export.errors import ExportError
from xec_export.onnx.description import OutputDescription
from xec_export.prediction.arrays import ArrayPredictor
from xec_export.prediction.batches import Floats, as_events
from xec_export.prediction.predictor import Predictor
from xec_geometry import MIRRORS, mirrored_sensors


class MirroredPredictor(ArrayPredictor):
    """A `Predictor` that asks another one four times: for the event, and reflected at z = 0, y = 0 and both.

    The numbers are those of `xec_models.MirrorAverage`, which `xec export --mirror` writes into a graph.

    Parameters
    ----------
    predictor
        A network whose graph does not average itself.

    Raises
    ------
    ExportError
        If it does, no installed package says how the outputs of a task change, or its sensors do not stand
        in their nominal places.
    """

    def __init__(self, predictor: Predictor) -> None:
        before = predictor.description
        if before.mirror_average:
            raise ExportError(
                f"the network {before.name} averages over reflected events already (xec export --mirror); "
                "leave --mirror out"
            )
        if before.nominal_hash:
            raise ExportError(
                f"--mirror: the network {before.name} is made for a detector as built ({before.geometry}), "
                "which does not look the same reflected; leave --mirror out"
            )
        missing = [task for task in before.tasks if task not in TASKS]
        if missing:
            raise ExportError(
                f"--mirror: no installed package says how the task '{missing[0]}' changes in reflected "
                "events; install the one that provides it (group xec.tasks), or leave --mirror out"
            )
        self._predictor = predictor
        self.description = replace(before, mirror_average=True)

    @property
    def path(self) -> Path:
        """The file of the network."""
        return self._predictor.path

    @property
    def device(self) -> str:
        """Device: ``cpu`` or ``cuda``."""
        return self._predictor.device

    @property
    def batch_size(self) -> int:
        """Events that go through the network at a time."""
        return self._predictor.batch_size

    def _predict(self, npho: Any, time: Any) -> dict[str, Floats]:
        inputs = [
            as_events(values, name, self.description.n_sensors)
            for values, name in zip((npho, time), self.description.inputs, strict=True)
        ]
        parts = [
            self._predictor.predict(*(readings[:, mirrored_sensors(mirror)] for readings in inputs))
            for mirror in MIRRORS
        ]
        return {
            output.name: _average(output, [part[output.name] for part in parts])
            for output in self.description.outputs
        }


def _average(output: OutputDescription, parts: list[Floats]) -> Floats:
    values = np.stack(parts, axis=1).astype(np.float64)
    if output.name != output.task:
        return np.asarray(values.mean(axis=1), np.float32)
    task = TASKS[output.task]
    signs, offsets = mirror_table(task)
    return np.asarray(mirror_mean(np, task, values * signs + offsets), np.float32)
