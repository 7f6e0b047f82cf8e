"""What the training loop has to know about what is learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import Tensor, nn

from xec_train.data.batch import Batch
from xec_train.data.events import Events
from xec_train.processes.group import Processes

Arrays = Mapping[str, NDArray[Any]]

LOSS = "loss"
"""Key of the number that is minimized; the others among the losses are its parts."""


class Objective(Protocol):
    """Something to learn: loss, metrics, and what is written per event.

    Attributes
    ----------
    kind
        Kind of the checkpoint.
    truth_branches
        Truth that every event needs.
    forward_methods
        Methods of the network, besides `forward`, that `forward` here calls.
    headlines
        Metrics for the line of an epoch, with their units.
    next_steps
        Commands for the finished run ``{run}`` and its checkpoint ``{best}``, and what they do.
    """

    kind: str
    truth_branches: tuple[str, ...]
    forward_methods: tuple[str, ...]
    headlines: Mapping[str, str]
    next_steps: Mapping[str, str]

    def build_network(self) -> nn.Module:
        """A new network, with random weights."""

    def prepare(self, network: nn.Module, truth: Arrays) -> None:
        """Fit what the network has to know about the training data before it starts."""

    def check_truth(self, truth: Arrays, source: str) -> None:
        """Stop, with an `XecError`, at true values that the loss cannot use."""

    def weigh_events(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> Sequence[str]:
        """Fit weights of events to the training data, or read those in the run directory `folder` if it is
        resumed; only one process may `write`. Gives lines for the user."""

    def augment(self, batch: Batch) -> Batch:
        """Change a batch for training."""

    def join(
        self, network: nn.Module, window: list[Batch], n_events: int, processes: Processes
    ) -> list[Batch]:
        """Tell batches of one step what their losses have to know of each other, so that these, weighted by
        the batches' shares of the step's `n_events`, add up to the loss of all events; processes do it
        together."""

    def forward(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """What the loss needs; `network` may be wrapped for several devices."""

    def losses(self, network: nn.Module, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Means over the batch: `LOSS`, and its parts under names of their own."""

    def outputs(self, network: nn.Module, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is kept per event in validation."""

    def overall(
        self,
        network: nn.Module,
        means: dict[str, float],
        outputs: Mapping[str, Tensor],
        processes: Processes,
    ) -> dict[str, float]:
        """The losses of a whole validation, from their means over all events, and from the outputs of this
        process where they are no such means; processes do it together."""

    def metrics(self, outputs: Arrays, events: Arrays) -> dict[str, float]:
        """Figures of merit over all events."""

    def sigma_factors(self, outputs: Arrays, events: Arrays) -> dict[str, list[float]]:
        """By task: what makes the predicted uncertainties right."""

    def figures(self, network: nn.Module) -> dict[str, float]:
        """Numbers of the network that are worth following from epoch to epoch."""

    def write_results(self, run: Path, outputs: Arrays, events: Arrays) -> Sequence[Path]:
        """Write the validation event by event into a run directory."""

    def write_readings(self, run: Path, network: nn.Module, batches: Iterator[Batch]) -> Sequence[Path]:
        """Write what needs the readings again, from batches of the validation on the device."""
