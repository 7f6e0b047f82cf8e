"""Table of the commands that the packages of xec bring, in the order of a reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

PACKAGES = ("xec-geometry", "xec-data", "xec-models", "xec-train", "xec-export", "xec-analysis")
"""The packages of xec, each after those that it needs."""


@dataclass(frozen=True)
class Command:
    """One command of `xec`.

    Attributes
    ----------
    name
        As typed.
    package
        The package that registers it, one of `PACKAGES`.
    summary
        Its line in ``xec --help``.
    hidden
        Whether it is left out there: an earlier name of another command.
    less_memory
        What makes it need less memory, for errors; may be empty.
    """

    name: str
    package: str
    summary: str
    hidden: bool = False
    less_memory: str = ""


_SMALLER_STEPS = "smaller batches or fewer reading processes need less (data.batch_size, data.num_workers)"
_SMALLER_BATCHES = "smaller batches need less (--batch)"

COMMANDS: MappingProxyType[str, Command] = MappingProxyType(
    {
        command.name: command
        for command in (
            Command("demo", "xec-analysis", "Run the whole chain on simulated events, in a few minutes."),
            Command("geometry", "xec-geometry", "Show, export and check the sensors of the detector."),
            Command(
                "data",
                "xec-data",
                "Check and rewrite event files; simulate events.",
                less_memory="'xec data simulate' needs less with fewer events at a time or fewer processes "
                "(--chunk, --processes)",
            ),
            Command("config", "xec-train", "Write, show and check the configuration of a training."),
            Command("train", "xec-train", "Train a network as a YAML file says.", less_memory=_SMALLER_STEPS),
            Command(
                "scan", "xec-train", "Search for good values of a configuration.", less_memory=_SMALLER_STEPS
            ),
            Command("doctor", "xec-train", "Print what a bug report needs, and what is wrong here."),
            Command("submit", "xec-train", "Run trainings, scans and predictions as jobs of SLURM."),
            Command("track", "xec-train", "Send runs to a tracking server."),
            Command("convert", "xec-models", "Convert a checkpoint of the earlier system xec-ml-wl."),
            Command(
                "export",
                "xec-export",
                "Export a network to ONNX: raw readings in, physical quantities out.",
            ),
            Command(
                "predict", "xec-export", "Predict the events of ROOT files.", less_memory=_SMALLER_BATCHES
            ),
            Command(
                "inpaint",
                "xec-export",
                "Recover dead channels in a copy of ROOT files.",
                less_memory=_SMALLER_BATCHES,
            ),
            Command("plot", "xec-analysis", "Plot resolutions or errors of a run or a file, with a table."),
            Command("report", "xec-analysis", "Write a page about a run or a file of predictions."),
            Command("display", "xec-analysis", "Draw an event on the unrolled detector."),
            Command("bound", "xec-analysis", "Print the best resolution that is possible for point events."),
            Command(
                "compare",
                "xec-analysis",
                "Compare trainings, predictions, or estimates of hidden sensors.",
            ),
            Command("compare-inpainting", "xec-analysis", "The earlier name of 'xec compare'.", hidden=True),
            Command(
                "benchmark",
                "xec-analysis",
                "Measure networks and all other methods on fixed simulated events.",
            ),
            Command(
                "pretraining-study",
                "xec-analysis",
                "Train on few labelled events with and without pre-training, and compare.",
            ),
        )
    }
)
"""The commands by name, in the order in which ``xec --help`` lists them; those of others follow."""
