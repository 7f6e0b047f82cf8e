"""Neural networks for the MEG II liquid-xenon detector.

Encoder, regressor, checkpoints, `load_model`; tasks, metrics, run directories. What is listed here is
loaded when it is first used: importing the package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as lazy

from xec_models.__about__ import __version__

if TYPE_CHECKING:
    from xec_models.autoencoder import XECMaskedAutoencoder
    from xec_models.checkpoint import (
        MODEL_KINDS,
        build_model,
        load_model,
        load_parameters,
        read_checkpoint,
        save_checkpoint,
    )
    from xec_models.config import (
        AutoencoderConfig,
        InpainterConfig,
        ModelConfig,
        TaskConfig,
        TaskTable,
        enabled_tasks,
        resolve_tasks,
    )
    from xec_models.encoder import XECEncoder
    from xec_models.errors import CheckpointError, ModelError, RunDirectoryError
    from xec_models.gather import FaceGather
    from xec_models.inpainter import XECInpainter
    from xec_models.metrics import opening_angle, task_metrics
    from xec_models.normalizer import Normalizer
    from xec_models.predictions import prediction_columns, truth_columns
    from xec_models.regressor import XECRegressor
    from xec_models.run_directory import RunDirectory
    from xec_models.tasks import TASKS, TaskSpec, task_spec, task_truth


__all__ = [
    "MODEL_KINDS",
    "TASKS",
    "AutoencoderConfig",
    "CheckpointError",
    "FaceGather",
    "InpainterConfig",
    "ModelConfig",
    "ModelError",
    "Normalizer",
    "RunDirectory",
    "RunDirectoryError",
    "TaskConfig",
    "TaskSpec",
    "TaskTable",
    "XECEncoder",
    "XECInpainter",
    "XECMaskedAutoencoder",
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

# Importing the package loads none of its modules.
__getattr__, __dir__, _ = lazy.attach(
    __name__,
    submod_attrs={
        "autoencoder": ["XECMaskedAutoencoder"],
        "checkpoint": [
            "MODEL_KINDS",
            "build_model",
            "load_model",
            "load_parameters",
            "read_checkpoint",
            "save_checkpoint",
        ],
        "config": [
            "AutoencoderConfig",
            "InpainterConfig",
            "ModelConfig",
            "TaskConfig",
            "TaskTable",
            "enabled_tasks",
            "resolve_tasks",
        ],
        "encoder": ["XECEncoder"],
        "errors": ["CheckpointError", "ModelError", "RunDirectoryError"],
        "gather": ["FaceGather"],
        "inpainter": ["XECInpainter"],
        "metrics": ["opening_angle", "task_metrics"],
        "normalizer": ["Normalizer"],
        "predictions": ["prediction_columns", "truth_columns"],
        "regressor": ["XECRegressor"],
        "run_directory": ["RunDirectory"],
        "tasks": ["TASKS", "TaskSpec", "task_spec", "task_truth"],
    },
)
