"""The device, its precision, and random numbers."""

from __future__ import annotations

import os
from typing import Literal

import torch
from lightning_fabric import Fabric

from xec_train.config.sections import TrainingConfig

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def build_fabric(config: TrainingConfig) -> Fabric:
    """Choose a GPU if there is one, else the CPU, and seed everything.

    Parameters
    ----------
    config
        ``amp``, ``seed`` and ``deterministic``.

    Returns
    -------
    lightning_fabric.Fabric
        Launched, with one device.
    """
    if config.deterministic:
        # Without it cuBLAS refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(config.deterministic)
    torch.manual_seed(config.seed)
    on_gpu = torch.cuda.is_available()
    fabric = Fabric(accelerator="cuda" if on_gpu else "cpu", devices=1, precision=_precision(config, on_gpu))
    fabric.launch()
    return fabric


def _precision(config: TrainingConfig, on_gpu: bool) -> Precision:
    if not (config.amp and on_gpu):
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
