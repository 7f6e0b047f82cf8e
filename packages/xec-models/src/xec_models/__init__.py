"""Neural networks for the MEG II liquid-xenon detector.

Encoder, regressor, checkpoints, `load_model`; tasks, metrics, run directories. What is listed here is
loaded when it is first used: importing the package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xec_models.__about__ import __version__

if TYPE_CHECKING:
    from xec_models.checkpoint import (
        MODEL_KINDS,
        build_model,
        load_model,
        load_parameters,
        read_checkpoint,
        save_checkpoint,
    )
    from xec_models.config import ModelConfig, TaskConfig, TaskTable, enabled_tasks, resolve_tasks
    from xec_models.encoder import XECEncoder
    from xec_models.errors import CheckpointError, ModelError, RunDirectoryError
    from xec_models.gather import FaceGather
    from xec_models.metrics import opening_angle, task_metrics
    from xec_models.normalizer import Normalizer
    from xec_models.predictions import prediction_columns, truth_columns
    from xec_models.regressor import XECRegressor
    from xec_models.run_directory import RunDirectory
    from xec_models.tasks import TASKS, TaskSpec, task_spec, task_truth

_MODULE_OF = {
    "MODEL_KINDS": "checkpoint",
    "TASKS": "tasks",
    "CheckpointError": "errors",
    "FaceGather": "gather",
    "ModelConfig": "config",
    "ModelError": "errors",
    "Normalizer": "normalizer",
    "RunDirectory": "run_directory",
    "RunDirectoryError": "errors",
    "TaskConfig": "config",
    "TaskSpec": "tasks",
    "TaskTable": "config",
    "XECEncoder": "encoder",
    "XECRegressor": "regressor",
    "build_model": "checkpoint",
    "enabled_tasks": "config",
    "load_model": "checkpoint",
    "load_parameters": "checkpoint",
    "opening_angle": "metrics",
    "prediction_columns": "predictions",
    "read_checkpoint": "checkpoint",
    "resolve_tasks": "config",
    "save_checkpoint": "checkpoint",
    "task_metrics": "metrics",
    "task_spec": "tasks",
    "task_truth": "tasks",
    "truth_columns": "predictions",
}

__all__ = [
    "MODEL_KINDS",
    "TASKS",
    "CheckpointError",
    "FaceGather",
    "ModelConfig",
    "ModelError",
    "Normalizer",
    "RunDirectory",
    "RunDirectoryError",
    "TaskConfig",
    "TaskSpec",
    "TaskTable",
    "XECEncoder",
    "XECRegressor",
    "__version__",
    "build_model",
    "enabled_tasks",
    "load_model",
    "load_parameters",
    "opening_angle",
    "prediction_columns",
    "read_checkpoint",
    "resolve_tasks",
    "save_checkpoint",
    "task_metrics",
    "task_spec",
    "task_truth",
    "truth_columns",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
