"""The configuration of a training: one class for each objective, with the sections that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from xec_data.configuration.choice import OneOf
from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry.detector.geometry_file import NOMINAL
from xec_models.config.network import (
    AutoencoderConfig,
    InpainterConfig,
    ModelConfig,
    RegressorConfig,
    TaskConfig,
    resolve_tasks,
)
from xec_models.losses.table import LOSSES
from xec_train.config.base import Section
from xec_train.config.reconstruction import (
    InpaintingTrainingConfig,
    ReconstructionCheckpointConfig,
    ReconstructionTrainingConfig,
)
from xec_train.config.reweighting import ReweightingConfig
from xec_train.config.sections import (
    CheckpointConfig,
    DataConfig,
    DistributedConfig,
    ExportConfig,
    MlflowConfig,
    PathText,
    TensorboardConfig,
    TrainingConfig,
)
from xec_train.config.tasks import TasksConfig
from xec_train.engine.optimization.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from xec_train.objectives.table import ObjectiveEntry


def _objectives() -> Mapping[str, ObjectiveEntry]:
    # The table names the classes below.
    from xec_train.objectives.table import OBJECTIVES

    return OBJECTIVES


ObjectiveName = Annotated[str, OneOf("objective", _objectives)]


class TrainConfig(Section):
    """The configuration of a training, whatever its objective.

    ``TrainConfig.model_validate`` gives the class that the table of objectives names.
    """

    objective: ObjectiveName = Field("regression", description="what the network learns")
    data: DataConfig = Field(description="ROOT files, and how they are read")
    geometry: PathText = Field(
        NOMINAL,
        min_length=1,
        description="where the sensors stand: nominal, or the path of a table as built (xec geometry check "
        "--help); the checkpoint keeps the positions",
    )
    normalization: NormalizationConfig = Field(
        default_factory=NormalizationConfig,
        description="Scaling of photons and times for the network; its checkpoint stores the constants",
    )
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network")
    training: TrainingConfig = Field(
        default_factory=TrainingConfig, description="Optimization of the weights"
    )
    distributed: DistributedConfig = Field(
        default_factory=DistributedConfig, description="Training by several processes"
    )
    checkpoint: CheckpointConfig = Field(
        default_factory=CheckpointConfig,
        description="Checkpoints and results, and the checkpoint to continue from",
    )
    mlflow: MlflowConfig = Field(
        default_factory=MlflowConfig, description="Tracking; metrics.csv is written in any case"
    )
    tensorboard: TensorboardConfig = Field(
        default_factory=TensorboardConfig, description="Numbers for TensorBoard, in the run directory"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_objective(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> TrainConfig:
        if cls is not TrainConfig or not isinstance(data, dict):
            return handler(data)
        return config_class(data.get("objective")).model_validate(data)

    @model_validator(mode="after")
    def _optimizer_suits_strategy(self) -> Self:
        if self.distributed.strategy == "fsdp" and not OPTIMIZERS[self.training.optimizer].divisible:
            divisible = " or ".join(f"'{name}'" for name, choice in OPTIMIZERS.items() if choice.divisible)
            raise ValueError(
                f"training.optimizer is '{self.training.optimizer}', whose state cannot be divided; expected "
                f"{divisible} because of distributed.strategy: fsdp"
            )
        return self

    @property
    def enabled_tasks(self) -> dict[str, TaskConfig]:
        """The enabled tasks, in the order of `TASKS`; none for a reconstruction of sensors."""
        return {}


class RegressionConfig(TrainConfig):
    """Learning physical quantities from their true values."""

    model: RegressorConfig = Field(default_factory=RegressorConfig, description="The network")
    tasks: TasksConfig = Field(
        default_factory=TasksConfig, description="Predictions: a head for each enabled task"
    )
    loss_balance: Literal["manual", "auto"] = Field(
        "manual",
        description="weights of the tasks in the total loss: manual (tasks.<task>.weight), or auto: learned, "
        "weight·(loss/(2σ²) + log σ) with a σ for each task; a likelihood, which predicts σ, has its own",
    )
    reweighting: ReweightingConfig = Field(
        default_factory=ReweightingConfig, description="Weights of training events, by task"
    )
    export: ExportConfig = Field(default_factory=ExportConfig, description="Export at the end")

    @field_validator("tasks", mode="after")
    @classmethod
    def _learnable(cls, tasks: TasksConfig) -> TasksConfig:
        enabled = {name: task for name in TASKS if (task := getattr(tasks, name)).enabled}
        if not enabled:
            raise ValueError(f"no task is enabled, expected at least one of {', '.join(TASKS)}")
        # Defaults, too: a task of another package may name a loss that is not installed.
        for name, task in resolve_tasks(enabled).items():
            if LOSSES[str(task.loss_fn)].beta_positive and not task.loss_beta:
                raise ValueError(f"{name}.loss_beta is 0, expected a number > 0 for the loss {task.loss_fn}")
        return tasks

    @property
    def enabled_tasks(self) -> dict[str, TaskConfig]:
        """The enabled tasks, in the order of `TASKS`."""
        every = {name: getattr(self.tasks, name) for name in TASKS}
        return {name: task for name, task in every.items() if task.enabled}


class ReconstructionConfig(TrainConfig):
    """Learning the readings of sensors that are hidden from the network."""

    model: AutoencoderConfig | InpainterConfig
    training: ReconstructionTrainingConfig
    checkpoint: ReconstructionCheckpointConfig = Field(
        default_factory=ReconstructionCheckpointConfig,
        description="Checkpoints and results, and the checkpoint to continue from",
    )


class AutoencodingConfig(ReconstructionConfig):
    """Masked autoencoding: pre-training of the encoder, without true values."""

    objective: ObjectiveName = Field("mae", description="what the network learns")
    model: AutoencoderConfig = Field(default_factory=AutoencoderConfig, description="The network")
    training: ReconstructionTrainingConfig = Field(
        default_factory=ReconstructionTrainingConfig, description="Optimization of the weights"
    )


class InpaintingConfig(ReconstructionConfig):
    """Inpainting: dead channels from the sensors around them."""

    objective: ObjectiveName = Field("inpainting", description="what the network learns")
    model: InpainterConfig = Field(default_factory=InpainterConfig, description="The network")
    training: InpaintingTrainingConfig = Field(
        default_factory=InpaintingTrainingConfig, description="Optimization of the weights"
    )


def config_class(objective: object) -> type[TrainConfig]:
    """Return the configuration of an objective; of the default one if there is no such objective."""
    entry = _objectives().get(str(objective))
    return RegressionConfig if entry is None else entry.config_class
