"""The content of a checkpoint as frozen, typed objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME
from xec_geometry import LAYOUTS, SensorTable
from xec_geometry.detector.geometry_file import NOMINAL
from xec_geometry.detector.survey import nominal_table
from xec_models.errors import CheckpointError

FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class InputFiles:
    """The events that a network was trained on, as its configuration names them.

    Attributes
    ----------
    npho_branch, time_branch
        Branches of the sensors.
    tree_name
        Tree.
    val_path
        Files of the validation; empty if not stated.
    """

    npho_branch: str = NPHO_BRANCH
    time_branch: str = TIME_BRANCH
    tree_name: str = TREE_NAME
    val_path: str | Sequence[str] = ()


@dataclass(frozen=True)
class Configuration:
    """The resolved configuration of a training, as plain values.

    Attributes
    ----------
    sections
        Values by section: ``model``, ``normalization``, ``tasks`` of a regressor, and others.
    """

    sections: Mapping[str, Any]

    def section(self, name: str) -> Mapping[str, Any]:
        """Return the values of a section; empty if there is none."""
        return self.sections.get(name) or {}

    @property
    def layout(self) -> str:
        """Index maps and neighbours of the network."""
        return str(self.section("model").get("layout", LAYOUTS[0]))

    @property
    def geometry_source(self) -> str:
        """Where the positions of the sensors came from: ``nominal``, or the path of a table."""
        return str(self.sections.get("geometry") or NOMINAL)

    @property
    def enabled_tasks(self) -> tuple[str, ...]:
        """Names of the tasks that have a head; none for a network that reconstructs readings."""
        return tuple(name for name, task in self.section("tasks").items() if task.get("enabled", True))

    @property
    def files(self) -> InputFiles:
        """Tree, branches and validation files."""
        data = self.section("data")
        stated = {name: data[name] for name in InputFiles.__dataclass_fields__ if data.get(name)}
        return InputFiles(**stated)


@dataclass(frozen=True)
class NetworkWeights:
    """Parameters of a network.

    Attributes
    ----------
    model
        State dictionary at the end of the last step.
    averaged
        State dictionary of the moving average; None if there is none.
    sigma_factors
        By task, a factor for each output that corrects the predicted uncertainties of the validated
        weights.
    residual_factors
        By task with an anchor, 1 for each output, or 0 where the validated weights were no improvement.
    """

    model: State
    averaged: State | None = None
    sigma_factors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    residual_factors: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def validated(self) -> State:
        """The weights that were validated: the average if there is one."""
        return self.averaged or self.model


@dataclass(frozen=True)
class Provenance:
    """Origin of a checkpoint.

    Attributes
    ----------
    layout, geometry_hash
        Index maps, and a hash of the positions, maps and neighbours behind them.
    versions
        Versions of the packages that the numbers depend on.
    git_revision
        Commit of the code, if known.
    mlflow_run_id
        Run on the tracking server, if there is one.
    converted_from
        Name of the system that wrote the original; None for a checkpoint of a training with xec.
    format_version
        Version of the file's format.
    """

    layout: str
    geometry_hash: str
    versions: Mapping[str, str] = field(default_factory=dict)
    git_revision: str | None = None
    mlflow_run_id: str | None = None
    converted_from: str | None = None
    format_version: int = FORMAT_VERSION

    @property
    def writer(self) -> str:
        """The package that wrote the file, with its version."""
        return f"xec-models {self.versions.get('xec-models', 'of unknown version')}"


@dataclass(frozen=True)
class OutputLabel:
    """One output of a task, for people: name, unit, symbol."""

    name: str
    unit: str
    symbol: str


@dataclass(frozen=True)
class RandomState:
    """States of the random generators of a process: CPU, and each of its GPUs."""

    torch: Tensor
    cuda: Sequence[Tensor] = ()


@dataclass(frozen=True)
class ProcessState:
    """State that differs between the processes of a training.

    Attributes
    ----------
    random
        Its random generators.
    loss_sums, n_events
        Sums of the losses over the events that it has seen in this epoch, and the number of these.
    """

    random: RandomState
    loss_sums: State = field(default_factory=dict)
    n_events: int = 0


@dataclass(frozen=True)
class SamplerState:
    """Position in the order of the events.

    Attributes
    ----------
    batch
        Batches of the running epoch that are done.
    order
        Values that the order depends on besides the files: seed, sizes, number of processes.
    """

    batch: int
    order: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingState:
    """State of a training besides the weights and the number of epochs.

    Attributes
    ----------
    optimizer, scheduler, scaler
        State dictionaries; that of the scaler is empty without one.
    sampler
        Position in the running epoch.
    own
        State of the process that wrote the checkpoint.
    step
        Steps of the optimizer.
    best_value
        Smallest validation loss.
    bad_steps, bad_steps_in_a_row
        Steps without a finite gradient in the running epoch, and the last ones of all that had none.
    largest_gradient
        Largest norm of a gradient in the running epoch.
    timing
        Time that the training has used, in seconds, and the speed of its machine, by name.
    average_updates
        Updates of the averaged weights.
    processes
        State of each process, if there were several.
    objective, averaged_objective
        State dictionary of the objective's own parameters, such as weights of losses, at the end of the last
        step; and that of their moving average, None if there is none.
    """

    optimizer: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    scaler: Mapping[str, Any]
    sampler: SamplerState
    own: ProcessState
    step: int
    best_value: float
    bad_steps: int = 0
    bad_steps_in_a_row: int = 0
    largest_gradient: float = 0.0
    timing: Mapping[str, float] = field(default_factory=dict)
    average_updates: int = 0
    processes: Sequence[ProcessState] = ()
    objective: State = field(default_factory=dict)
    averaged_objective: State | None = None

    @property
    def validated_objective(self) -> State:
        """The parameters of the objective that were validated: the average if there is one."""
        return self.objective if self.averaged_objective is None else self.averaged_objective

    def of_process(self, rank: int, world: int) -> ProcessState:
        """Return the state of process `rank`; that of the writer if the number of processes has changed."""
        return self.processes[rank] if len(self.processes) == world else self.own


@dataclass(frozen=True)
class Checkpoint:
    """A network with its origin and, to continue it, its training.

    Attributes
    ----------
    kind
        Kind of the network, a name in `MODEL_KINDS`.
    config
        Resolved configuration.
    weights
        Parameters.
    provenance
        Origin.
    outputs
        Names, units and symbols of the outputs by task: readable without the package that defines a task.
    epoch
        Epochs that are done; None if unknown.
    training
        State of the training; None if it cannot be continued.
    missing
        Parts of the state of the training that the file lacks.
    inputs
        Usual ranges of the training events, see `xec_data.checking.input_range`; empty if unknown.
    geometry
        Where the sensors stand; the path in the configuration is a record of where that came from.
    """

    kind: str
    config: Configuration
    weights: NetworkWeights
    provenance: Provenance
    outputs: Mapping[str, tuple[OutputLabel, ...]] = field(default_factory=dict)
    epoch: int | None = None
    training: TrainingState | None = None
    missing: tuple[str, ...] = ()
    inputs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    geometry: SensorTable = field(default_factory=nominal_table)

    def continuation(self, source: str = "checkpoint") -> TrainingState:
        """Return the state of the training.

        Parameters
        ----------
        source
            Name of the file, for messages.

        Raises
        ------
        CheckpointError
            If there is none.
        """
        if self.training is None:
            lacking = f"no {' and no '.join(self.missing)}" if self.missing else "no state of a training"
            raise CheckpointError(f"{source} has {lacking}: a training cannot continue from it")
        return self.training
