"""The table of targets: readers of files that others may have written or damaged."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from tools.fuzz.example import Target

from xec_geometry.support.registry import Registry


@dataclass(frozen=True)
class TargetEntry:
    """A target, whose module is imported when it is tried.

    Attributes
    ----------
    name
        Name in the command.
    place
        Module and class.
    """

    name: str
    place: str

    def build(self, folder: Path) -> Target:
        """Build the target, with a folder for the valid files that it mutates."""
        module, _, kind = self.place.partition(":")
        return cast("Target", getattr(import_module(module), kind)(folder))


TARGETS = Registry(
    "target",
    (
        TargetEntry("configuration", f"{__name__}.configuration:ConfigurationTarget"),
        TargetEntry("dead-channels", f"{__name__}.dead_channels:DeadChannelsTarget"),
        TargetEntry("database", f"{__name__}.described_database:DescribedDatabaseTarget"),
        TargetEntry("survey", f"{__name__}.survey:SurveyTarget"),
        TargetEntry("events", f"{__name__}.events:EventsTarget"),
        TargetEntry("checkpoint", f"{__name__}.checkpoint:CheckpointTarget"),
        TargetEntry("onnx", f"{__name__}.onnx_file:OnnxTarget"),
        TargetEntry("run-directory", f"{__name__}.run_directory:RunDirectoryTarget"),
    ),
)
"""Targets by name."""
