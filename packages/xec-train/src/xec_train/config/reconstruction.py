"""Sections of the objectives that reconstruct hidden sensors: their losses and weights."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xec_data.configuration.choice import OneOf, Remark
from xec_models.losses.table import describe_beta, losses_for_readings
from xec_train.config.base import Section
from xec_train.config.sections import EMA_DECAY, CheckpointConfig, EmaDecay, TrainingConfig

_Beta = Annotated[float, Remark(lambda: describe_beta(losses_for_readings(), "normalized numbers"))]
_BETA = "parameter β of the loss"


class TimeLossConfig(Section):
    """The loss of the times."""

    weight: float = Field(1.0, ge=0, description="factor of the loss of the times")
    mask_ratio_scale: float = Field(
        1.0, ge=1, description="relative probability of hiding sensors with a valid time"
    )
    use_npho_weight: bool = Field(True, description="weight a time by the square root of the photons")
    npho_threshold: float = Field(
        100, ge=0, description="photons that a sensor must exceed for its time to count in the loss"
    )


class NphoLossWeightConfig(Section):
    """Weights of sensors in the loss of the photons."""

    enabled: bool = Field(False, description="weight a sensor by (npho + 1)^alpha")
    alpha: float = Field(0.5, description="the exponent")


class IntensityReweightingConfig(Section):
    """Weights of training events by their amount of light; validation counts every event once."""

    enabled: bool = Field(False, description="weight events by a histogram of the logarithm of their photons")
    nbins: int = Field(5, ge=1, description="bins between the darkest and the brightest event")
    target: Literal["uniform", "sqrt"] = Field(
        "uniform",
        description="weights of the bins; uniform: all count equally; sqrt: the square root of these weights",
    )


class ReconstructionTrainingConfig(TrainingConfig):
    """Training on hidden sensors."""

    ema_decay: EmaDecay = Field(None, lt=1, description=EMA_DECAY)
    loss_fn: Annotated[str, OneOf("loss", losses_for_readings)] = Field(
        "smooth_l1", description="loss of a hidden sensor, between normalized numbers"
    )
    loss_beta: _Beta = Field(1.0, gt=0, description=_BETA)
    npho_weight: float = Field(1.0, ge=0, description="factor of the loss of the photons")
    time: TimeLossConfig = Field(default_factory=TimeLossConfig, description="The loss of the times")
    npho_loss_weight: NphoLossWeightConfig = Field(
        default_factory=NphoLossWeightConfig, description="Weights of sensors in the loss of the photons"
    )
    auto_channel_weight: bool = Field(
        False, description="learn the weights of npho and time, L/(2σ²) + log σ with a σ for each"
    )
    intensity_reweighting: IntensityReweightingConfig = Field(
        default_factory=IntensityReweightingConfig,
        description="Weights of training events by their amount of light",
    )
    track_mae_rmse: bool = Field(
        False, description="log mean absolute error and RMSE of the hidden sensors of each face too"
    )
    track_metrics: bool = Field(False, description="log the losses of each face too")


class InpaintingTrainingConfig(ReconstructionTrainingConfig):
    """Training of an inpainter."""

    loss_beta: _Beta = Field(0.1, gt=0, description=_BETA)


ALL: Literal["all"] = "all"


def _all_or_none(value: Any) -> Any:
    # For pydantic true is the number 1.
    return {True: ALL, False: 0}[value] if isinstance(value, bool) else value


class ReconstructionCheckpointConfig(CheckpointConfig):
    """Checkpoints and results of a training, and the checkpoint to continue from."""

    save_predictions: Annotated[
        Literal["all"] | Annotated[int, Field(ge=0)], BeforeValidator(_all_or_none)
    ] = Field(
        0,
        description="validation events whose reconstruction is written sensor by sensor at the end; all "
        "(or true): every one",
    )

    @property
    def n_predictions(self) -> float:
        """Largest number of events whose reconstruction is written."""
        return math.inf if self.save_predictions == ALL else float(self.save_predictions)
