"""What a user can ask of predictions for files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_data.schema.branches import TREE_NAME
from xec_export.onnx.description import ModelDescription
from xec_export.output.origin import Origin, origin_of
from xec_export.prediction.model_file import files_of
from xec_export.prediction.predictor import Predictor
from xec_export.recovery.treatment import DeadChannelTreatment


@dataclass(frozen=True)
class PredictionOptions:
    """Options of predictions for files.

    Parameters
    ----------
    tree_name
        The tree in the inputs.
    npho_branch, time_branch
        Names of the readings in the inputs; by default those that the network was trained on.
    angle_unit
        Unit of ``emiAng`` in the inputs: ``auto``, ``deg`` or ``rad``.
    branches
        Branches of the inputs that are copied besides run, event, truth and conventional reconstruction, by
        the names that they have there: numbers, the same number of them in every event.
    accept_range
        Whether events are accepted that are unlike those of the training.
    dead_channels
        What is done about sensors that are known as dead; None: all readings enter as they stand.
    """

    tree_name: str = TREE_NAME
    npho_branch: str | None = None
    time_branch: str | None = None
    angle_unit: str = "auto"
    branches: tuple[str, ...] = ()
    accept_range: bool = False
    dead_channels: DeadChannelTreatment | None = None

    def readings(self, description: ModelDescription) -> tuple[str, str]:
        """Return the names of the branches that a network is to read."""
        return (
            self.npho_branch or description.npho_branch,
            self.time_branch or description.time_branch,
        )

    def files(self, predictor: Predictor) -> list[Path]:
        """Return the files of networks, which no output may replace."""
        return [
            *files_of(predictor.path),
            *(self.dead_channels.files if self.dead_channels is not None else ()),
        ]

    def origin(self, predictor: Predictor, files: Sequence[Path]) -> Origin:
        """Return what a file of predictions notes about its making; see `origin_of`."""
        return origin_of(
            files_of(predictor.path),
            files,
            mirror_average=predictor.description.mirror_average,
            tasks=list(predictor.description.tasks),
            tree_name=self.tree_name,
            npho_branch=self.npho_branch,
            time_branch=self.time_branch,
            angle_unit=self.angle_unit,
            branches=list(self.branches),
            dead_channels=None if self.dead_channels is None else self.dead_channels.origin(),
        )
