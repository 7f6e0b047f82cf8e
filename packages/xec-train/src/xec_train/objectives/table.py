"""The objectives by the names that configurations give them."""

from __future__ import annotations

from collections.abc import Callable

from xec_train.config.sections import TrainConfig
from xec_train.objectives.base import Objective
from xec_train.objectives.regression import Regression

OBJECTIVES: dict[str, Callable[[TrainConfig], Objective]] = {"regression": Regression}


def build_objective(config: TrainConfig) -> Objective:
    """What a configuration asks for."""
    return OBJECTIVES[config.objective](config)
