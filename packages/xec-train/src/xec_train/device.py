"""The device, its precision, and random numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from lightning_fabric import Fabric

from xec_train.config.sections import TrainingConfig
from xec_train.errors import TrainError
from xec_train.precision import build_precision

# How torchrun and srun tell a process how many of its kind there are.
PROCESS_COUNTS = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def refuse_several_processes(environment: Mapping[str, str]) -> None:
    """Stop before several processes train the same run without knowing of each other.

    Raises
    ------
    TrainError
        If a launcher started more than one process.
    """
    for variable in PROCESS_COUNTS:
        count = environment.get(variable, "1")
        if count != "1":
            raise TrainError(
                f"{variable} is {count}: a launcher started several processes, expected one; "
                "training in several processes is not possible yet"
            )


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
