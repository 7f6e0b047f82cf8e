"""Set-up of the device: precision, strategy for several processes, random numbers."""

from __future__ import annotations

import logging
import os
import warnings
from inspect import signature

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning_fabric.strategies import DDPStrategy, Strategy
from torch.nn.parallel import DistributedDataParallel

from xec_geometry.support.processors import THREADS, available_cores
from xec_train.config.sections import DistributedConfig, TrainingConfig
from xec_train.engine.hardware.precision import build_precision
from xec_train.errors import LaunchError
from xec_train.processes.group import current_processes, lost_connection_reported, timeout_of
from xec_train.processes.launch import SRUN, TORCHRUN, Launch, detect_launch
from xec_train.processes.sharding import ShardedStrategy

# Since torch 2.13 it has another name.
_SYNC_OF_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    else "broadcast_buffers"
)


def build_fabric(config: TrainingConfig, distributed: DistributedConfig | None = None) -> Fabric:
    """Choose GPUs if there are any, else the CPU; connect to the other processes; seed everything.

    Parameters
    ----------
    config
        ``amp``, ``seed`` and ``deterministic``.
    distributed
        ``strategy`` and ``timeout_minutes``.

    Returns
    -------
    lightning_fabric.Fabric
        Launched, with one device for each process.

    Raises
    ------
    LaunchError
        If there are more processes than GPUs, or they were not started by a known launcher.
    TrainError
        If the other processes do not answer in time.
    """
    launch, distributed = detect_launch(os.environ), distributed or DistributedConfig()
    if config.deterministic:
        # Without it cuBLAS refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(config.deterministic)
    torch.manual_seed(config.seed)
    # It announces every process.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=_accelerator(launch),
        strategy=_strategy(launch, distributed),
        devices=launch.per_node,
        num_nodes=launch.nodes,
        plugins=[build_precision(config.amp), _environment(launch)],
    )
    with lost_connection_reported(launch.rank, launch.world, distributed.timeout_minutes):
        fabric.launch()
        if THREADS not in os.environ:
            # Each process would take all cores of the machine, and they would compete for them.
            sharing = (
                current_processes(distributed.timeout_minutes).n_sharing_cores if launch.world > 1 else 1
            )
            torch.set_num_threads(max(1, min(torch.get_num_threads(), available_cores()) // sharing))
    return fabric


def reseed(seed: int, rank: int, step: int) -> None:
    """Seed every process differently, for dropout and the like, from this step on."""
    words = np.random.SeedSequence((seed, rank, step)).generate_state(2)
    torch.manual_seed(int(words[0]) << 32 | int(words[1]))


def _accelerator(launch: Launch) -> str:
    if not torch.cuda.is_available():
        return "cpu"
    n_gpus = torch.cuda.device_count()
    if n_gpus < launch.per_node:
        raise LaunchError(
            f"{launch.per_node} processes on this machine, of which each sees {n_gpus} "
            f"GPU{'s' if n_gpus > 1 else ''}; expected at least as many GPUs as processes, visible to all of "
            "them (in SLURM --gres=gpu:N or --gpus-per-node, not --gpus-per-task)"
        )
    return "cuda"


def _strategy(launch: Launch, config: DistributedConfig) -> Strategy | str:
    if launch.world == 1 and config.strategy != "ddp":
        return "auto"
    timeout = timeout_of(config.timeout_minutes)
    if config.strategy == "fsdp":
        return ShardedStrategy(timeout=timeout)
    # DDP warns about strides of dimensions with a single element.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    # No buffer changes while a network is trained, so they are not sent with every batch.
    return DDPStrategy(timeout=timeout, **{_SYNC_OF_BUFFERS: False})


def _environment(launch: Launch) -> ClusterEnvironment:
    if launch.launcher == TORCHRUN:
        return TorchElasticEnvironment()
    if launch.launcher == SRUN:
        # It asks for this variable, which srun sets only if it was given as an option.
        os.environ["SLURM_NTASKS_PER_NODE"] = str(launch.per_node)
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()
