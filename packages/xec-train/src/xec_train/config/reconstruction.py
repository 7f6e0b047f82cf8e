"""Sections of the objectives that reconstruct hidden sensors: what counts in their loss, and how much."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xec_train.config.base import Section


class TimeLossConfig(Section):
    """The loss of the times."""

    weight: float = Field(1.0, ge=0, description="factor of the loss of the times")
    mask_ratio_scale: float = Field(
        1.0, ge=1, description="how much rather a sensor with a valid time is hidden than one without"
    )
    use_npho_weight: bool = Field(True, description="weigh a time by the square root of the photons")
    npho_threshold: float = Field(
        100, ge=0, description="photons that a sensor must exceed for its time to count in the loss"
    )


class NphoLossWeightConfig(Section):
    """Bright sensors may count more in the loss of the photons."""

    enabled: bool = Field(False, description="weigh a sensor by (npho + 1)^alpha")
    alpha: float = Field(0.5, description="the exponent")


class IntensityReweightingConfig(Section):
    """Weights of training events by how much light they have; validation counts every event once."""

    enabled: bool = Field(False, description="weigh events by a histogram of the logarithm of their photons")
    nbins: int = Field(5, ge=1, description="bins between the darkest and the brightest event")
    target: Literal["uniform", "sqrt"] = Field(
        "uniform",
        description="uniform: all bins count alike; sqrt: half way there (square root of the weights)",
    )
