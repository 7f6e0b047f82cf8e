"""Every key of a training's configuration: its type, default and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    create_model,
    field_validator,
    model_validator,
)

from xec_data.normalization import NormalizationConfig
from xec_geometry.fiducial import FIDUCIAL
from xec_models.config import AutoencoderConfig, InpainterConfig, ModelConfig, TaskConfig
from xec_models.tasks import TASKS, TaskSpec
from xec_train.config.base import Section
from xec_train.config.reconstruction import IntensityReweightingConfig, NphoLossWeightConfig, TimeLossConfig
from xec_train.config.reweighting import ReweightingConfig

AUTO: Literal["auto"] = "auto"
ObjectiveName = Literal["regression", "mae", "inpainting"]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


def _off_if_negative(value: Any) -> Any:
    return None if isinstance(value, int | float) and not isinstance(value, bool) and value < 0 else value


EmaDecay = Annotated[float | None, BeforeValidator(_off_if_negative)]
_EMA_DECAY = "decay of the averaged weights (EMA), which are validated and exported; null: off"

Paths = Annotated[list[str], BeforeValidator(_one_or_many), Field(min_length=1)]


class FiducialConfig(Section):
    """Cut on the true first interaction point: |u| < u_max, |v| < v_max, w_min ≤ w < w_max."""

    enabled: bool = Field(False, description="train and validate on events inside the fiducial volume only")
    u_max: float = Field(FIDUCIAL.u_max, gt=0, description="largest |u|, cm")
    v_max: float = Field(FIDUCIAL.v_max, gt=0, description="largest |v|, cm")
    w_min: float = Field(FIDUCIAL.w_min, description="smallest depth w, cm")
    w_max: float | None = Field(None, description="largest depth w, cm; null: no limit")


class DataConfig(Section):
    """Which ROOT files, and how they are read."""

    train_path: Paths = Field(description="ROOT files to train on: a file, folder, glob or list")
    val_path: Paths = Field(description="ROOT files to validate on: a file, folder, glob or list")
    tree_name: str = Field("tree", description="name of the TTree")
    batch_size: int = Field(256, ge=1, description="events per step, in each process")
    chunksize: int = Field(
        256000,
        ge=1,
        description="events in memory for shuffling; reduced, with a note, to what memory allows",
    )
    num_workers: Literal["auto"] | Annotated[int, Field(ge=0)] = Field(
        AUTO, description="reading processes; auto: one core less than there are, at most 4; 0: none"
    )
    num_threads: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        AUTO, description="threads that decompress, per reading process"
    )
    prefetch_factor: int = Field(2, ge=1, description="shuffled groups that each process reads ahead")
    npho_branch: str = Field(
        "npho", description="branch with the photons per sensor (relative_npho is deprecated)"
    )
    time_branch: str = Field("relative_time", description="branch with the time per sensor")
    angle_unit: Literal["auto", "deg", "rad"] = Field(
        "auto", description="unit of emiAng in the files; auto compares it with emiVec"
    )
    fiducial: FiducialConfig = Field(
        default_factory=FiducialConfig, description="cut on the true first interaction point"
    )


class TrainingConfig(Section):
    """How the weights are learnt."""

    epochs: int = Field(20, ge=1, description="passes over the training files")
    optimizer: Literal["adamw", "schedulefree"] = Field(
        "adamw",
        description="adamw, or schedulefree: AdamW that averages the weights itself (ema_decay has no effect "
        "then) and wants scheduler: none",
    )
    lr: float = Field(3e-4, gt=0, description="largest learning rate")
    weight_decay: float = Field(
        1e-4, ge=0, description="AdamW's weight decay; biases, norms, GRN and positions have none"
    )
    scheduler: Literal["cosine", "onecycle", "plateau", "none"] = Field(
        "cosine",
        description="learning rate after the warm-up: cosine down to lr_min; onecycle up to max_lr and down; "
        "plateau (lowered when the validation loss no longer falls); none (constant)",
    )
    warmup_epochs: float = Field(
        2, ge=0, description="epochs of linear warm-up; onecycle has one of its own, pct_start"
    )
    lr_min: float = Field(
        1e-6, ge=0, description="learning rate at the end of the cosine, and below which plateau never goes"
    )
    max_lr: float | None = Field(None, gt=0, description="onecycle: largest learning rate; null: lr")
    pct_start: float = Field(0.3, gt=0, lt=1, description="onecycle: fraction of the training that rises")
    lr_patience: int = Field(
        5, ge=0, description="plateau: epochs without a smaller validation loss that are waited for"
    )
    lr_factor: float = Field(0.5, gt=0, lt=1, description="plateau: factor on the learning rate")
    ema_decay: EmaDecay = Field(0.999, lt=1, description=_EMA_DECAY)
    grad_clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0: no limit")
    grad_accum_steps: int = Field(1, ge=1, description="batches per step of the optimizer")
    max_bad_steps: int = Field(
        20,
        ge=1,
        description="steps without a finite loss and gradient are skipped; so many in a row end the training",
    )
    amp: bool = Field(True, description="mixed precision on a GPU; a CPU always computes in float32")
    compile: Literal["auto", "off", "default", "reduce-overhead", "max-autotune"] = Field(
        AUTO, description="mode of torch.compile; auto: default on a GPU, off on a CPU"
    )
    channel_dropout_rate: float = Field(
        0.1, ge=0, lt=1, description="fraction of the sensors of an event that is made invalid in training"
    )
    seed: int = Field(0, ge=0, description="seed of weights, order of events and dropout")
    deterministic: bool = Field(False, description="only deterministic algorithms (slower on a GPU)")

    @model_validator(mode="after")
    def _schedule_suits_optimizer(self) -> Self:
        if self.optimizer == "schedulefree" and self.scheduler != "none":
            raise ValueError(
                f"scheduler is '{self.scheduler}', expected 'none' because of optimizer: schedulefree "
                "(warmup_epochs may be any)"
            )
        return self


class ReconstructionTrainingConfig(TrainingConfig):
    """How hidden sensors are learnt."""

    ema_decay: EmaDecay = Field(None, lt=1, description=_EMA_DECAY)
    loss_fn: Literal["smooth_l1", "mse", "l1", "huber"] = Field(
        "smooth_l1", description="loss of a hidden sensor, between normalized numbers"
    )
    loss_beta: float = Field(1.0, gt=0, description="where smooth_l1 and huber turn from a square to a line")
    npho_weight: float = Field(1.0, ge=0, description="factor of the loss of the photons")
    time: TimeLossConfig = Field(default_factory=TimeLossConfig, description="The loss of the times")
    npho_loss_weight: NphoLossWeightConfig = Field(
        default_factory=NphoLossWeightConfig, description="Weights of sensors in the loss of the photons"
    )
    auto_channel_weight: bool = Field(
        False, description="learn the weights of npho and time, L/(2σ²) + log σ with a σ for each"
    )
    intensity_reweighting: IntensityReweightingConfig = Field(
        default_factory=IntensityReweightingConfig, description="Which training events count more"
    )
    track_mae_rmse: bool = Field(
        False, description="log mean absolute error and RMSE of the hidden sensors of each face, too"
    )
    track_metrics: bool = Field(False, description="log the losses of each face, too")


class InpaintingTrainingConfig(ReconstructionTrainingConfig):
    """How an inpainter learns."""

    loss_beta: float = Field(0.1, gt=0, description="where smooth_l1 and huber turn from a square to a line")


class DistributedConfig(Section):
    """How several processes, started by torchrun or srun, train one network."""

    strategy: Literal["auto", "ddp"] = Field(
        AUTO,
        description="ddp: each process has a copy of the network and a part of the events, and the gradients "
        "are averaged; auto: ddp if there is more than one process",
    )


class CheckpointConfig(Section):
    """What a training writes, and what it continues from."""

    resume_from: str | None = Field(
        None,
        description="continue from this checkpoint_last.pth (auto: from the latest run, if there is one); "
        "one of another kind or of other tasks gives the weights of its encoder to a new run",
    )
    save_dir: str = Field("artifacts", description="folder of the run directories")
    save_interval: int = Field(
        10, ge=0, description="keep a copy checkpoint_epoch_<n>.pth every so many epochs; 0: none"
    )
    keep_last: int | None = Field(
        None, ge=1, description="number of copies checkpoint_epoch_<n>.pth that are kept; null: all"
    )
    every_minutes: float | None = Field(
        None,
        gt=0,
        description="write checkpoint_last.pth also within an epoch, after so many minutes; null: only at "
        "its end",
    )
    reset_epoch: bool = Field(
        False,
        description="of the checkpoint take only the weights, and begin a new run with epoch 1",
    )
    refresh_lr: bool = Field(
        False,
        description="begin the schedule of the learning rate anew, over the epochs that remain",
    )
    new_mlflow_run: bool = Field(
        False, description="log a continued training to a run of its own on the tracking server"
    )
    save_artifacts: bool = Field(
        True,
        description="write predictions and whatever the installed packages add (export, plots) at the end",
    )


class ReconstructionCheckpointConfig(CheckpointConfig):
    """What a training writes, and what it continues from."""

    save_predictions: int = Field(
        0, ge=0, description="validation events whose reconstruction is written sensor by sensor at the end"
    )


class MlflowConfig(Section):
    """Tracking with MLflow; metrics.csv in the run directory is always written."""

    enabled: bool = Field(True, description="log to MLflow")
    experiment: str = Field("xec", description="name of the experiment")
    run_name: str | None = Field(
        None, description="name of the run and of its directory; null: the time at which it starts"
    )
    tracking_uri: str | None = Field(
        None, description="tracking server; null: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db here"
    )
    wait_at_end: float = Field(
        30,
        ge=0,
        description="seconds that the end of a training waits for a slow server at most; what is missing "
        "then, 'xec track upload' sends",
    )


class TensorboardConfig(Section):
    """Event files for TensorBoard, in the folder tensorboard of the run directory."""

    enabled: bool = Field(False, description="write the numbers for TensorBoard too")


class ExportConfig(Section):
    """What the package xec-export makes of the best checkpoint at the end."""

    onnx: str | None = Field(
        "<run>.onnx", description="ONNX file in the run directory, <run> is the run's name; null: none"
    )


def _task_section(spec: TaskSpec) -> type[TaskConfig]:
    # The defaults and the losses that make sense differ from task to task: one model each, from the table.
    base = TaskConfig.model_fields
    fields: dict[str, Any] = {
        "enabled": (bool, Field(spec.name == "angle", description=base["enabled"].description)),
        "loss_fn": (
            Literal[spec.losses],
            Field(spec.default_loss, description=f"loss: {', '.join(spec.losses)}"),
        ),
        "loss_beta": (
            base["loss_beta"].annotation,
            Field(spec.default_beta, ge=0, description=base["loss_beta"].description),
        ),
    }
    if not spec.positive:
        fields["log_transform"] = (Literal[False], Field(False, description="Not for this task."))
    return create_model(
        f"{spec.name.capitalize()}TaskConfig", __base__=TaskConfig, __doc__=spec.meaning, **fields
    )


_TASK_SECTIONS: dict[str, type[TaskConfig]] = {name: _task_section(spec) for name, spec in TASKS.items()}
_TASK_FIELDS: dict[str, Any] = {
    name: (section, Field(default_factory=section, description=TASKS[name].meaning))
    for name, section in _TASK_SECTIONS.items()
}
TasksConfig = create_model(
    "TasksConfig",
    __base__=Section,
    __doc__="What the network predicts: a head for each enabled task.",
    **_TASK_FIELDS,
)


class TrainConfig(Section):
    """The configuration of a training, whatever its objective.

    ``TrainConfig.model_validate`` gives one of the subclasses in `OBJECTIVE_CONFIGS`.
    """

    objective: ObjectiveName = Field("regression", description="what the network learns")
    data: DataConfig = Field(description="Which ROOT files, and how they are read")
    normalization: NormalizationConfig = Field(
        default_factory=NormalizationConfig,
        description="How photons and times are scaled for the network; the constants stay in its checkpoint",
    )
    model: ModelConfig = Field(default_factory=ModelConfig, description="The network")
    training: TrainingConfig = Field(default_factory=TrainingConfig, description="How the weights are learnt")
    distributed: DistributedConfig = Field(
        default_factory=DistributedConfig, description="How several processes train one network"
    )
    checkpoint: CheckpointConfig = Field(
        default_factory=CheckpointConfig, description="What is written, and what a training continues from"
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

    @property
    def enabled_tasks(self) -> dict[str, TaskConfig]:
        """The enabled tasks, in the order of `TASKS`; none where there is nothing to predict but sensors."""
        return {}


class RegressionConfig(TrainConfig):
    """Learning physical quantities from their true values."""

    tasks: TasksConfig = Field(
        default_factory=TasksConfig, description="What the network predicts: a head for each enabled task"
    )
    loss_balance: Literal["manual", "auto"] = Field(
        "manual",
        description="weights of the tasks in the total loss: manual (tasks.<task>.weight), or auto: learnt, "
        "weight·(loss/(2σ²) + log σ) with a σ for each task; a likelihood (gaussian_nll) has its own",
    )
    reweighting: ReweightingConfig = Field(
        default_factory=ReweightingConfig, description="Which training events count more, by task"
    )
    export: ExportConfig = Field(default_factory=ExportConfig, description="What is exported at the end")

    @field_validator("tasks", mode="after")
    @classmethod
    def _learnable(cls, tasks: TasksConfig) -> TasksConfig:
        enabled = {name: task for name in TASKS if (task := getattr(tasks, name)).enabled}
        if not enabled:
            raise ValueError(f"no task is enabled, expected at least one of {', '.join(TASKS)}")
        for name, task in enabled.items():
            if task.loss_fn == "huber" and not task.loss_beta:
                raise ValueError(f"{name}.loss_beta is 0, expected a number > 0 for the loss huber")
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
        description="What is written, and what a training continues from",
    )


class AutoencodingConfig(ReconstructionConfig):
    """Masked autoencoding: pre-training of the encoder, without true values."""

    objective: ObjectiveName = Field("mae", description="what the network learns")
    model: AutoencoderConfig = Field(default_factory=AutoencoderConfig, description="The network")
    training: ReconstructionTrainingConfig = Field(
        default_factory=ReconstructionTrainingConfig, description="How the weights are learnt"
    )


class InpaintingConfig(ReconstructionConfig):
    """Inpainting: dead channels from the sensors around them."""

    objective: ObjectiveName = Field("inpainting", description="what the network learns")
    model: InpainterConfig = Field(default_factory=InpainterConfig, description="The network")
    training: InpaintingTrainingConfig = Field(
        default_factory=InpaintingTrainingConfig, description="How the weights are learnt"
    )


OBJECTIVE_CONFIGS: dict[str, type[TrainConfig]] = {
    "regression": RegressionConfig,
    "mae": AutoencodingConfig,
    "inpainting": InpaintingConfig,
}


def config_class(objective: object) -> type[TrainConfig]:
    """The configuration of an objective; of the usual one if there is no such objective."""
    return OBJECTIVE_CONFIGS.get(str(objective), RegressionConfig)
