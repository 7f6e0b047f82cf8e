"""The device, its precision, and random numbers."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric

from xec_train.config.sections import TrainingConfig
from xec_train.precision import build_precision


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
    fabric = Fabric(accelerator="cuda" if on_gpu else "cpu", devices=1, plugins=[build_precision(config.amp)])
    fabric.launch()
    return fabric
