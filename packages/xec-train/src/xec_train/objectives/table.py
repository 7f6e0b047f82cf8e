"""The objectives by the names that configurations give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xec_train.config.train_config import TrainConfig
from xec_train.objectives.base import Objective
from xec_train.reconstruction.autoencoding import MaskedReconstruction
from xec_train.reconstruction.inpainting import Inpainting
from xec_train.regression.objective import Regression

OBJECTIVES: dict[str, Callable[[Any], Objective]] = {
    "regression": Regression,
    "mae": MaskedReconstruction,
    "inpainting": Inpainting,
}
"""Each takes the configuration of its own objective."""


def build_objective(config: TrainConfig) -> Objective:
    """What a configuration asks for."""
    return OBJECTIVES[config.objective](config)
