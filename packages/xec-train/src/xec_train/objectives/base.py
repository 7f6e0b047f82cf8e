"""The interface of an objective, which the loop uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from torch import Tensor, nn

from xec_geometry import SensorTable
from xec_geometry.detector.survey import nominal_table
from xec_train.data.batch import Batch
from xec_train.data.dead_channels import RandomDeadChannels
from xec_train.data.events import Events
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.report import Arrays, Report
from xec_train.processes.group import Processes

NetworkT = TypeVar("NetworkT", bound=nn.Module)

LOSS = "loss"
"""Key of the number that is minimized; the others among the losses are its parts."""


@dataclass(frozen=True)
class StepBatches(Generic[NetworkT]):
    """The batches of one step.

    Attributes
    ----------
    network
        The network that learns from them.
    batches
        The batches of this process, augmented, on the device.
    n_events
        Events of the step over all processes.
    processes
        The processes of the training.
    """

    network: NetworkT
    batches: list[Batch]
    n_events: int
    processes: Processes


@dataclass(frozen=True)
class ValidationTotals(Generic[NetworkT]):
    """Results of a whole validation.

    Attributes
    ----------
    network
        The network that is validated.
    means
        Means of the losses over the events of all processes.
    outputs
        Outputs for the events of this process.
    processes
        The processes of the training.
    """

    network: NetworkT
    means: dict[str, float]
    outputs: Mapping[str, Tensor]
    processes: Processes


class Objective(ABC, Generic[NetworkT]):
    """An objective: network, losses, and outputs per event.

    Attributes
    ----------
    truth_branches
        Truth that every event needs.
    sample_branches
        Further truth that `prepare` needs.
    forward_methods
        Methods of the network, besides `forward`, that `forward` here calls.
    report
        Metrics and files.
    learned
        Learned weights of losses; they are trained, averaged and stored beside the network.
    geometry
        Where the sensors stand, for which the network is made.
    dead_channels
        Dead channels that `augment` makes invalid.
    """

    truth_branches: tuple[str, ...] = ()
    sample_branches: tuple[str, ...] = ()
    forward_methods: tuple[str, ...] = ()
    report: Report[NetworkT]

    def __init__(self, learned: LearnedWeights | None = None, geometry: SensorTable | None = None) -> None:
        self.learned = learned or LearnedWeights()
        self.geometry = nominal_table() if geometry is None else geometry
        self.dead_channels = RandomDeadChannels()

    def with_learned(self, learned: LearnedWeights) -> Self:
        """Return the same objective with other weights of losses, such as averaged ones."""
        other = copy(self)
        other.learned = learned
        return other

    @property
    def uses_absolute_times(self) -> bool:
        """Whether a shift of all times of an event changes what its network gives."""
        return True

    @property
    def loss_names(self) -> list[str]:
        """Names of the `losses` of every batch; empty if only an epoch tells them."""
        return []

    @abstractmethod
    def build_network(self) -> NetworkT:
        """Return a new network, with random weights."""

    @abstractmethod
    def forward(self, network: NetworkT, batch: Batch) -> dict[str, Tensor]:
        """Compute the inputs of the losses; `network` may be wrapped for several devices."""

    @abstractmethod
    def losses(self, network: NetworkT, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Return means over the batch: `LOSS`, and its parts by name."""

    @abstractmethod
    def outputs(self, network: NetworkT, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the outputs that are kept of each event in validation."""

    def event_losses(self, network: NetworkT, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Return the losses of each event (n,), whose means are those of `losses`; empty if it has none."""
        return {}

    def prepare(self, network: NetworkT, events: Events) -> None:
        """Fit constants of the network to the training events before it starts."""

    def check_truth(self, truth: Arrays, source: str) -> None:
        """Raise an `XecError` at true values that the loss cannot use."""

    def fit_event_weights(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> Sequence[str]:
        """Fit weights of the training events.

        Parameters
        ----------
        events
            The training events.
        folder
            The run directory.
        resumed
            Whether the run is resumed: then its stored weights are read.
        write
            Whether this process writes files.

        Returns
        -------
        sequence of str
            Lines for the user.
        """
        return []

    def augment(self, batch: Batch) -> Batch:
        """Change a batch for training."""
        return batch

    def link_batches(self, step: StepBatches[NetworkT]) -> list[Batch]:
        """Add to the batches of a step what their losses need from each other.

        Then the losses, weighted by the batches' shares of the events, add up to the loss of all events.
        Means over events need nothing. A collective call.
        """
        return step.batches

    def validation_losses(self, totals: ValidationTotals[NetworkT]) -> dict[str, float]:
        """Return the losses of a whole validation, which need not be means over events.

        A collective call.
        """
        return totals.means
