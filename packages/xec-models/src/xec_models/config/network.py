"""The configuration of a network and of its tasks, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from xec_data.configuration.choice import OneOf, Remark
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task
from xec_geometry import FACES, LAYOUTS, FaceName, GridName, Layout
from xec_geometry.errors import did_you_mean
from xec_models.anchor.table import ANCHORS, NO_ANCHOR
from xec_models.blocks.hex_operators import HEX_OPERATORS
from xec_models.config.face_cells import POOLED, check_faces, check_outer_pool, check_pool
from xec_models.encoder.outer_modes import OUTER_MODES
from xec_models.encoder.position_encodings import POSITION_ENCODINGS
from xec_models.encoder.stems import STEMS
from xec_models.errors import ModelError
from xec_models.losses.table import LOSSES, describe_beta, losses_for, usual_beta
from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS

# Two doublings of the width and a 4 × 4 token make the width of a token a multiple of this.
DIM_MULTIPLE = 32
NUM_HEADS = 8
# Two halvings of a window.
WINDOW_MULTIPLE = 4
LARGEST_WINDOW = 40

PREDICTABLE = (("npho",), ("npho", "time"))


class ModelConfig(BaseModel):
    """Shape of the encoder and of the heads."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    outer_mode: Annotated[str, OneOf("outer_mode", lambda: OUTER_MODES)] = Field(
        "finegrid", description="Outer face."
    )
    outer_fine_pool: tuple[int, int] | None = Field(
        None, description="Pooling of the outer fine grid (rows, columns), e.g. [3, 3]; null: none."
    )
    encoder_dim: int = Field(1024, gt=0, description="Width of a token; a multiple of 32.")
    dim_feedforward: int | None = Field(
        None, gt=0, description="Width of the feed-forward part of the fusion; null: 4 × encoder_dim."
    )
    num_fusion_layers: int = Field(2, ge=0, description="Transformer layers that join the tokens.")
    hidden_dim: int = Field(256, gt=0, description="Width of the hidden layers of each head.")
    drop_path_rate: float = Field(
        0.0, ge=0.0, lt=1.0, description="Stochastic depth: largest probability of skipping a block."
    )
    dropout: float | None = Field(
        None,
        ge=0.0,
        lt=1.0,
        description="Probability of dropping a feature in the fusion and the heads while training; "
        "null: 0.1 in the fusion, 0.2 in the heads.",
    )
    stem: Annotated[str, OneOf("stem", lambda: STEMS)] = Field(
        "dense", description="First layer on the rectangular faces."
    )
    layout: Annotated[Layout, OneOf("layout", lambda: LAYOUTS)] = Field(
        "physical",
        description="Index maps and neighbours: physical, or xec-ml-wl of the earlier system.",
    )
    hex_conv: Annotated[str, OneOf("hex_conv", lambda: HEX_OPERATORS)] = Field(
        "depthwise", description="Neighbourhood operator of the top and bottom faces."
    )
    hex_width: int | None = Field(
        None, gt=0, description="Width of the features on the top and bottom faces; null: 96."
    )
    hex_depth: int | None = Field(None, gt=0, description="Blocks on the top and bottom faces; null: 4.")
    position: Annotated[str, OneOf("position", lambda: POSITION_ENCODINGS)] = Field(
        "learnable", description="Position encoding of the tokens in the fusion."
    )

    @field_validator("encoder_dim")
    @classmethod
    def _divisible(cls, value: int) -> int:
        if value % DIM_MULTIPLE:
            raise ValueError(
                f"encoder_dim is {value}, expected a multiple of {DIM_MULTIPLE} "
                f"(nearest: {max(1, round(value / DIM_MULTIPLE)) * DIM_MULTIPLE})"
            )
        return value

    @model_validator(mode="after")
    def _faces_fit(self) -> ModelConfig:
        stem = STEMS[self.stem]
        check_faces(self.outer_mode, self.layout, stem)
        if self.outer_fine_pool is not None:
            check_outer_pool(self.outer_fine_pool, self.outer_mode, self.layout, stem)
        return self

    def pool_of(self, face: GridName) -> tuple[int, int] | None:  # noqa: ARG002 (of networks that pool)
        """Return the pooling of a face of single sensors; None: none."""
        return None

    @property
    def sees_rectangular_faces(self) -> bool:
        """Whether those faces have more than one channel: of a single one its norm leaves nothing."""
        return self.encoder_dim > DIM_MULTIPLE

    @property
    def feedforward(self) -> int:
        """Width of the feed-forward part of a fusion layer."""
        return self.dim_feedforward or 4 * self.encoder_dim


class RegressorConfig(ModelConfig):
    """Shape of a network that predicts physical quantities."""

    anchor: Annotated[str, OneOf("anchor", lambda: ANCHORS)] = Field(
        NO_ANCHOR, description="Conventional reconstruction whose residuals the network learns; absent: none."
    )
    inner_pool: tuple[int, int] | None = Field(
        None,
        description="Pooling of the inner face (rows, columns), e.g. [3, 4]: coarse and fast, where a window "
        "looks at single sensors; null: none.",
    )
    side_pool: tuple[int, int] | None = Field(
        None, description="Pooling of the faces us and ds (rows, columns), e.g. [4, 2]; null: none."
    )
    window: tuple[int, int] | None = Field(
        None,
        description="Rows and columns of sensors around the anchor's point that the network looks at, "
        "e.g. [20, 20]; null: none.",
    )

    window_width: int = Field(
        32,
        gt=0,
        multiple_of=2,
        description="Channels of the window at half of its resolution; its blocks have twice as many.",
    )
    window_depth: int = Field(1, gt=0, description="ConvNeXt V2 blocks of the window.")

    @field_validator(*POOLED)
    @classmethod
    def _leaves_cells(cls, pool: tuple[int, int] | None, field: ValidationInfo) -> tuple[int, int] | None:
        # A wrong stem is a fault of its own.
        if pool is not None and "stem" in field.data:
            check_pool(str(field.field_name), pool, STEMS[field.data["stem"]])
        return pool

    def pool_of(self, face: GridName) -> tuple[int, int] | None:
        """Return the pooling of a face of single sensors; None: none."""
        pools = (getattr(self, name) for name, faces in POOLED.items() if face in faces)
        return next(pools, None)

    @model_validator(mode="after")
    def _window_fits(self) -> RegressorConfig:
        if self.window is None:
            return self
        if self.anchor == NO_ANCHOR:
            others = " or ".join(f"'{name}'" for name in ANCHORS if name != NO_ANCHOR)
            raise ValueError(
                f"window needs a point to look at: expected anchor {others}, found '{self.anchor}'"
            )
        for name, cells in zip(("rows", "columns"), self.window, strict=True):
            if cells % WINDOW_MULTIPLE or not WINDOW_MULTIPLE <= cells <= LARGEST_WINDOW:
                raise ValueError(
                    f"window has {cells} {name}, expected a multiple of {WINDOW_MULTIPLE} "
                    f"from {WINDOW_MULTIPLE} to {LARGEST_WINDOW}"
                )
        return self


Channel = Literal["npho", "time"]

_MASK_RATIO = "Part of an event's valid sensors that is hidden, of all or, as {face: part}, of each face."


def _by_full_names(ratio: Any) -> Any:
    if not isinstance(ratio, dict) or "bottom" in ratio:
        return ratio
    # The name of the earlier system.
    return {"bottom" if face == "bot" else face: part for face, part in ratio.items()}


def _of_every_face(ratio: float | dict[FaceName, float]) -> float | dict[FaceName, float]:
    if not isinstance(ratio, dict):
        return ratio
    if missing := [face for face in FACES if face not in ratio]:
        raise ValueError(f"no ratio for {', '.join(missing)}; expected one for each of {', '.join(FACES)}")
    if not any(ratio.values()):
        raise ValueError("all ratios are 0, expected one > 0")
    return {face: ratio[face] for face in FACES}


MaskRatio = Annotated[
    Annotated[float, Field(gt=0.0, lt=1.0)] | dict[FaceName, Annotated[float, Field(ge=0.0, lt=1.0)]],
    BeforeValidator(_by_full_names),
    AfterValidator(_of_every_face),
]
"""Part of the sensors that is hidden, of all or of each face."""


class _ReconstructionConfig(ModelConfig):
    """Shape of a network that predicts hidden sensors."""

    predict_channels: tuple[Channel, ...] = Field(
        ("npho", "time"), description="Channels predicted for a hidden sensor: npho, or npho and time."
    )

    @field_validator("predict_channels")
    @classmethod
    def _npho_first(cls, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if channels not in PREDICTABLE:
            wanted = " or ".join(f"[{', '.join(names)}]" for names in PREDICTABLE)
            raise ValueError(f"predict_channels is [{', '.join(channels)}], expected {wanted}")
        return channels


class AutoencoderConfig(_ReconstructionConfig):
    """Shape of a masked autoencoder, and the fraction that it hides."""

    mask_ratio: MaskRatio = Field(0.6, description=_MASK_RATIO)
    decoder_dim: int = Field(128, gt=0, multiple_of=4, description="Width of the decoders; a multiple of 4.")


class InpainterConfig(_ReconstructionConfig):
    """Shape of an inpainter, and the fraction that it hides in training."""

    mask_ratio: MaskRatio = Field(0.05, description=_MASK_RATIO)
    mask_npho_flat: bool = Field(
        False, description="Hide sensors uniformly over quantiles of npho, not uniformly over sensors."
    )
    head: Annotated[str, OneOf("head", lambda: INPAINTER_HEADS)] = Field(
        "per_face", description="Head that recovers the hidden sensors."
    )
    freeze_encoder: bool = Field(False, description="Keep the encoder fixed, train the head alone.")


class TaskConfig(BaseModel):
    """Head, loss and weight of one task."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    enabled: bool = Field(True, description="Whether the network has a head for the task.")
    loss_fn: str | None = Field(None, description="Loss; null: the usual one of the task.")
    loss_beta: Annotated[float | None, Remark(lambda: describe_beta(LOSSES))] = Field(
        None, ge=0.0, description="Parameter β of the loss, null: its usual one."
    )
    weight: float = Field(1.0, ge=0.0, description="Factor of the task in the total loss.")
    log_transform: bool = Field(False, description="Learn the logarithm of the value.")

    @property
    def predicts_uncertainty(self) -> bool:
        """Whether the head gives a mean and a log variance for every output."""
        loss = LOSSES.get(self.loss_fn or "")
        return loss is not None and loss.predicts_sigma


def resolve_tasks(tasks: Mapping[str, TaskConfig]) -> dict[str, TaskConfig]:
    """Check task configurations against `TASKS` and fill in the loss of each.

    Parameters
    ----------
    tasks
        Configurations by task name.

    Returns
    -------
    dict
        The same in the order of `TASKS`, with `loss_fn` and `loss_beta` stated.

    Raises
    ------
    ValueError
        Naming every problem at once: unknown tasks, losses that do not suit a task, a logarithm of a
        quantity that may be negative. (Not an `XecError`, so that pydantic can collect it.)
    """
    problems = []
    for name, config in tasks.items():
        if name not in TASKS:
            problems.append(
                f"unknown task '{name}'{did_you_mean(name, TASKS)}; expected one of {', '.join(TASKS)}"
            )
            continue
        spec = TASKS[name]
        loss, losses = config.loss_fn or spec.default_loss, losses_for(spec)
        if loss not in losses:
            problems.append(
                f"{name}.loss_fn: unknown loss '{loss}'{did_you_mean(loss, losses)}; "
                f"expected one of {', '.join(losses)}"
            )
        if config.log_transform and not spec.positive:
            problems.append(f"{name}.log_transform: the values are not positive numbers, expected false")
    if problems:
        raise ValueError("; ".join(problems))
    return {name: _with_loss(tasks[name], spec) for name, spec in TASKS.items() if name in tasks}


def _with_loss(config: TaskConfig, spec: Task) -> TaskConfig:
    loss = config.loss_fn or spec.default_loss
    beta = usual_beta(spec, loss) if config.loss_beta is None else config.loss_beta
    return config.model_copy(update={"loss_fn": loss, "loss_beta": beta})


# For a configuration's field: `tasks: TaskTable`.
TaskTable = Annotated[dict[str, TaskConfig], AfterValidator(resolve_tasks)]


def enabled_tasks(tasks: Mapping[str, TaskConfig]) -> dict[str, TaskConfig]:
    """Return the tasks that get a head, complete and in the order of `TASKS`.

    Raises
    ------
    ModelError
        If a configuration is wrong, or no task is enabled.
    """
    try:
        resolved = resolve_tasks(tasks)
    except ValueError as error:
        raise ModelError(f"tasks: {error}") from error
    enabled = {name: config for name, config in resolved.items() if config.enabled}
    if not enabled:
        raise ModelError(f"no task is enabled; expected at least one of {', '.join(TASKS)}")
    return enabled
