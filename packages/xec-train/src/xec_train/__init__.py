"""Training of the xec networks: configuration, loader, loop, objectives, schedules and tracking.

What is listed here is loaded when it is first used: importing the package imports neither torch nor mlflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_train.__about__ import __version__

if TYPE_CHECKING:
    from xec_train.config.loading import LoadedConfig, load_config
    from xec_train.config.template import template
    from xec_train.config.train_config import TrainConfig
    from xec_train.errors import ConfigError, TrainError
    from xec_train.losses import LOSSES
    from xec_train.training import train


__all__ = [
    "LOSSES",
    "ConfigError",
    "LoadedConfig",
    "TrainConfig",
    "TrainError",
    "__version__",
    "load_config",
    "template",
    "train",
]

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "config.loading": ["LoadedConfig", "load_config"],
        "config.train_config": ["TrainConfig"],
        "config.template": ["template"],
        "errors": ["ConfigError", "TrainError"],
        "losses": ["LOSSES"],
        "training": ["train"],
    },
)
