"""Sections of a configuration: type, default and meaning of every key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    model_validator,
)

from xec_data.configuration.choice import OneOf, Remark
from xec_data.dead_channels.passwords import has_password
from xec_geometry.detector.fiducial import FIDUCIAL
from xec_train.config.base import Section
from xec_train.config.expansion import checked_address, expanded_name, expanded_path
from xec_train.engine.optimization.learning_rates import SCHEDULES, schedules_that_use
from xec_train.engine.optimization.optimizers import DEFAULT_LR, OPTIMIZERS
from xec_train.processes.launch import DEFAULT_TIMEOUT

AUTO: Literal["auto"] = "auto"


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


def _off_if_negative(value: Any) -> Any:
    return None if isinstance(value, int | float) and not isinstance(value, bool) and value < 0 else value


def _none_if_null(value: Any) -> Any:
    return "none" if value is None else value


def _mode_of_compiling(value: Any) -> Any:
    # YAML reads off as false, and the words of others are none, true and null.
    modes = {None: "off", False: "off", "none": "off", True: AUTO}
    return modes.get(value, value) if value is None or isinstance(value, bool | str) else value


CompileMode = Literal["auto", "off", "default", "reduce-overhead", "max-autotune"]
EmaDecay = Annotated[float | None, BeforeValidator(_off_if_negative)]
EMA_DECAY = "decay of the averaged weights (EMA), which are validated and exported; null: off"


def _used_by(key: str) -> Remark:
    return Remark(lambda: f"used by {schedules_that_use(key)}")


def _not_before() -> str:
    return "none before " + ", ".join(schedule.name for schedule in SCHEDULES.values() if schedule.own_warmup)


def _usual_lr(values: dict[str, Any]) -> float:
    optimizer = OPTIMIZERS.get(values.get("optimizer", ""))
    return DEFAULT_LR if optimizer is None else optimizer.default_lr


def _without_password(source: str) -> str:
    if has_password(source):
        raise ValueError(
            "found a URL with a password, which the files of the run would show; expected a YAML file that "
            "says where the URL stands"
        )
    return source


PathText = Annotated[str, AfterValidator(expanded_path)]
Paths = Annotated[list[PathText], BeforeValidator(_one_or_many), Field(min_length=1)]
DeadChannelSource = Annotated[str, AfterValidator(_without_password), AfterValidator(expanded_path)]
DeadChannelSources = Annotated[list[DeadChannelSource] | None, BeforeValidator(_one_or_many)]
RunName = Annotated[str, AfterValidator(expanded_name)]
Address = Annotated[str, AfterValidator(checked_address)]


class FiducialConfig(Section):
    """Cut on the true first interaction point: |u| < u_max, |v| < v_max, w_min ≤ w < w_max."""

    enabled: bool = Field(False, description="train and validate on events inside the fiducial volume only")
    u_max: float = Field(FIDUCIAL.u_max, gt=0, description="largest |u|, cm")
    v_max: float = Field(FIDUCIAL.v_max, gt=0, description="largest |v|, cm")
    w_min: float = Field(FIDUCIAL.w_min, description="smallest depth w, cm")
    w_max: float | None = Field(None, description="largest depth w, cm; null: no limit")


class DataConfig(Section):
    """The ROOT files, and how they are read."""

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
    dead_channels: DeadChannelSources = Field(
        None,
        description="real lists of dead channels: in every event of the training a random part of one of "
        "them, from none to all, is made invalid beside training.channel_dropout_rate; text files, ROOT "
        "files with the branch dead, or databases with a run, such as conditions.yaml#run=12345; one or "
        "several; null: none",
    )
    fiducial: FiducialConfig = Field(
        default_factory=FiducialConfig, description="cut on the true first interaction point"
    )


class TrainingConfig(Section):
    """Optimization of the weights."""

    epochs: int = Field(20, ge=1, description="passes over the training files; with max_minutes at most")
    max_minutes: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="time for training, validations and results, not for export and plots; the learning rate "
        "is planned for the steps that fit, and the last epoch may be cut; null: no limit",
    )
    optimizer: Annotated[str, OneOf("optimizer", lambda: OPTIMIZERS)] = Field(
        "adamw", description="optimizer"
    )
    lr: float = Field(
        default_factory=_usual_lr,
        gt=0,
        description="largest learning rate",
        json_schema_extra={"default": DEFAULT_LR},
    )
    weight_decay: float = Field(
        1e-4, ge=0, description="AdamW's weight decay; biases, norms, GRN and positions have none"
    )
    scheduler: Annotated[str, OneOf("schedule", lambda: SCHEDULES), BeforeValidator(_none_if_null)] = Field(
        "cosine", description="learning rate after the warm-up"
    )
    warmup_epochs: Annotated[float, Remark(_not_before)] = Field(
        2, ge=0, description="epochs of linear warm-up"
    )
    lr_min: Annotated[float, _used_by("lr_min")] = Field(1e-6, ge=0, description="smallest learning rate")
    max_lr: Annotated[float | None, _used_by("max_lr")] = Field(
        None, gt=0, description="largest learning rate, lr is the first one; null: lr is the largest"
    )
    pct_start: Annotated[float, _used_by("pct_start")] = Field(
        0.3, gt=0, lt=1, description="fraction of the training that rises"
    )
    lr_patience: Annotated[int, _used_by("lr_patience")] = Field(
        5, ge=0, description="epochs to wait for a smaller validation loss"
    )
    lr_factor: Annotated[float, _used_by("lr_factor")] = Field(
        0.5, gt=0, lt=1, description="factor on the learning rate"
    )
    lr_restart_period: Annotated[float, _used_by("lr_restart_period")] = Field(
        10, gt=0, description="epochs of the first cosine"
    )
    lr_restart_mult: Annotated[float, _used_by("lr_restart_mult")] = Field(
        2, ge=1, description="length of a cosine in units of the one before"
    )
    ema_decay: EmaDecay = Field(0.999, lt=1, description=EMA_DECAY)
    ema_warmup: bool = Field(
        False, description="average over fewer steps at first: n/10 at step n, until ema_decay is reached"
    )
    grad_clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0: no limit")
    grad_accum_steps: int = Field(1, ge=1, description="batches per step of the optimizer")
    max_bad_steps: int = Field(
        20,
        ge=1,
        description="steps without a finite loss and gradient are skipped; as many in a row end the training",
    )
    amp: bool = Field(True, description="mixed precision on a GPU; a CPU always computes in float32")
    compile: Annotated[CompileMode, BeforeValidator(_mode_of_compiling)] = Field(
        AUTO,
        description="mode of torch.compile; auto: default on a GPU; on a CPU off, with operators in C++ "
        "compiled once, where there is a compiler",
    )
    channel_dropout_rate: float = Field(
        0.1, ge=0, lt=1, description="fraction of the sensors of an event that is made invalid in training"
    )
    mirror: bool = Field(
        False,
        description="reflect half of the events at z = 0 and, independently, at y = 0: the nominal detector "
        "looks the same, one as built does not",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, order of events and dropout")
    deterministic: bool = Field(False, description="only deterministic algorithms (slower on a GPU)")

    @model_validator(mode="after")
    def _schedule_suits_optimizer(self) -> Self:
        suitable = OPTIMIZERS[self.optimizer].schedules
        if suitable and self.scheduler not in suitable:
            expected = " or ".join(f"'{name}'" for name in suitable)
            raise ValueError(
                f"scheduler is '{self.scheduler}', expected {expected} because of optimizer: "
                f"{self.optimizer} (warmup_epochs may be any)"
            )
        return self

    @model_validator(mode="after")
    def _learning_rate_suits_optimizer(self) -> Self:
        choice = OPTIMIZERS[self.optimizer]
        low, high = choice.lr_range
        rates = {"lr": self.lr}
        if self.max_lr is not None and "max_lr" in SCHEDULES[self.scheduler].keys:
            rates["max_lr"] = self.max_lr
        for name, rate in rates.items():
            if not low <= rate <= high:
                raise ValueError(
                    f"{name} is {rate:g}, expected {low:g} to {high:g}, usually {choice.default_lr:g}, "
                    f"because of optimizer: {self.optimizer}"
                )
        return self

    @model_validator(mode="after")
    def _learning_rates_in_order(self) -> Self:
        if self.max_lr is not None and "max_lr" in SCHEDULES[self.scheduler].keys and self.max_lr < self.lr:
            raise ValueError(f"max_lr is {self.max_lr:g}, expected at least lr, {self.lr:g}")
        if "lr_min" in SCHEDULES[self.scheduler].keys and self.lr_min > self.lr:
            raise ValueError(f"lr_min is {self.lr_min:g}, expected at most lr, {self.lr:g}")
        return self


class DistributedConfig(Section):
    """Training of one network by several processes, started by torchrun or srun."""

    strategy: Literal["auto", "ddp", "fsdp"] = Field(
        AUTO,
        description="how processes share the work; ddp: each has a copy of the network and a part of the "
        "events, and the gradients are averaged; fsdp: the same, but weights, averages and the optimizer's "
        "moments are divided among the processes; auto: ddp if there is more than one process",
    )
    timeout_minutes: float = Field(
        DEFAULT_TIMEOUT,
        gt=0,
        allow_inf_nan=False,
        description="time that a process waits for another one, which may write, compile or validate "
        "meanwhile; then the training ends with an error",
    )


class CheckpointConfig(Section):
    """Checkpoints and results of a training, and the checkpoint to continue from."""

    resume_from: PathText | None = Field(
        None,
        description="continue from this checkpoint_last.pth (auto: from the latest run, if there is one); "
        "from one of another kind or of other tasks, a new run starts with the weights of its encoder",
    )
    save_dir: PathText = Field("artifacts", description="folder of the run directories")
    save_interval: int = Field(
        10, ge=0, description="keep a copy checkpoint_epoch_<n>.pth every N epochs; 0: none"
    )
    keep_last: int | None = Field(
        None, ge=1, description="number of copies checkpoint_epoch_<n>.pth that are kept; null: all"
    )
    every_minutes: float | None = Field(
        None,
        gt=0,
        description="minutes after which checkpoint_last.pth is written also within an epoch; null: only at "
        "its end",
    )
    reset_epoch: bool = Field(
        False,
        description="use only the weights of the checkpoint, and start a new run with epoch 1",
    )
    refresh_lr: bool = Field(
        False,
        description="restart the schedule of the learning rate, over the epochs that remain",
    )
    new_mlflow_run: bool = Field(
        False, description="log a continued training to a new run on the tracking server"
    )
    save_artifacts: bool = Field(
        True,
        description="write predictions and the artifacts of installed packages (export, plots) at the end",
    )


class MlflowConfig(Section):
    """Tracking with MLflow; metrics.csv in the run directory is always written."""

    enabled: bool = Field(True, description="log to MLflow")
    experiment: str = Field("xec", description="name of the experiment")
    run_name: RunName | None = Field(
        None, description="name of the run and of its directory; null: the time at which it starts"
    )
    tracking_uri: Address | None = Field(
        None, description="tracking server; null: $MLFLOW_TRACKING_URI, else sqlite:///mlflow.db here"
    )
    wait_at_end: float = Field(
        30,
        ge=0,
        description="largest time in seconds that the end of a training waits for a slow server; 'xec track "
        "upload' sends what is missing then",
    )


class TensorboardConfig(Section):
    """Event files for TensorBoard, in the folder tensorboard of the run directory."""

    enabled: bool = Field(False, description="write the numbers for TensorBoard too")


class ExportConfig(Section):
    """Export of the best checkpoint at the end, by the package xec-export."""

    onnx: PathText | None = Field(
        "<run>.onnx",
        description="ONNX file in the run directory, <run> is the run's name, of every objective; null: none",
    )
