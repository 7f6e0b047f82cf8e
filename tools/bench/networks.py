"""Networks and events shared by the cases."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS
from xec_models.blocks.native.operators import have_operators
from xec_models.config.network import ModelConfig, TaskConfig
from xec_models.regressor.regressor import XECRegressor

Readings = tuple[Tensor, Tensor]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PRECISION = torch.bfloat16 if DEVICE == "cuda" else torch.float32

# Number by number: widths and batches that the targets speak of.
SMALL, DEFAULT = (256, 64), (1024, 16)
GPU_SHAPES = ((256, 1024), (1024, 512))


def random_network(encoder_dim: int, device: str = "cpu") -> XECRegressor:
    """A regressor with all tasks, none of its parameters where they start, as fast as it can be."""
    if device == "cpu":
        have_operators()
    torch.manual_seed(0)
    tasks = {name: TaskConfig() for name in TASKS}
    network = XECRegressor(ModelConfig(encoder_dim=encoder_dim), tasks, NormalizationConfig())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return network.to(device)


def random_readings(n_events: int, device: str = "cpu") -> Readings:
    """Counts and times of some events."""
    generator = np.random.default_rng(0)
    npho = generator.gamma(0.6, 900.0, (n_events, N_SENSORS)).astype(np.float32)
    time = generator.uniform(0.0, 2e-7, (n_events, N_SENSORS)).astype(np.float32)
    return torch.from_numpy(npho).to(device), torch.from_numpy(time).to(device)


def infer(network: nn.Module, readings: Readings) -> int:
    """Predict; gives the number of events."""
    with torch.inference_mode(), half():
        network(*readings)
    wait()
    return len(readings[0])


def gradient_step(network: XECRegressor, readings: Readings) -> int:
    """Forward and backward; gives the number of events."""
    with half():
        outputs = network.forward_standardized(*readings)
    network.zero_grad(set_to_none=True)
    torch.stack([values.float().square().mean() for values in outputs.values()]).sum().backward()
    wait()
    return len(readings[0])


def as_trained(network: nn.Module) -> nn.Module:
    """The network as a training calls it: compiled on a GPU."""
    if DEVICE == "cuda":
        for name in ("forward", "forward_standardized"):
            object.__setattr__(network, name, torch.compile(getattr(network, name)))
    return network


def half() -> AbstractContextManager[object]:
    """The precision of a training: bfloat16 inside the network on a GPU."""
    return torch.autocast("cuda", PRECISION) if DEVICE == "cuda" else nullcontext()


def in_python() -> AbstractContextManager[object]:
    """Blocks without their operators in C++."""
    return patch("xec_models.blocks.block_mlp.operators", lambda: None)


def wait() -> None:
    """Wait for a GPU, which works on while Python has gone on."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
