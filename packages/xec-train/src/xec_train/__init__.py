"""Training of the xec networks: configuration, loader, loop, objectives, schedules and tracking.

What is listed here is loaded when it is first used: importing the package imports neither torch nor mlflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xec_train.__about__ import __version__

if TYPE_CHECKING:
    from xec_train.config.loading import LoadedConfig, load_config
    from xec_train.config.sections import TrainConfig
    from xec_train.config.template import template
    from xec_train.errors import ConfigError, TrainError
    from xec_train.losses import LOSSES
    from xec_train.training import train

_MODULE_OF = {
    "LOSSES": "losses",
    "ConfigError": "errors",
    "LoadedConfig": "config.loading",
    "TrainConfig": "config.sections",
    "TrainError": "errors",
    "load_config": "config.loading",
    "template": "config.template",
    "train": "training",
}

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


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
