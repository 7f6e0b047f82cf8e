"""Events and small networks for the tests of the networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS
from xec_models.config.network import ModelConfig, TaskConfig
from xec_models.regressor.regressor import XECRegressor


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(1)


@pytest.fixture
def raw_events():
    """A function (n, seed) -> npho, time: float32 tensors with every sort of invalid reading."""

    def events(n, seed=0):
        rng = np.random.default_rng(seed)
        npho = rng.gamma(0.6, 900.0, (n, N_SENSORS)).astype(np.float32)
        time = rng.uniform(-1e-8, 2e-7, (n, N_SENSORS)).astype(np.float32)
        for values, invalid in (
            (npho, (INVALID, np.nan, np.inf, -np.inf, -3.5, -2000.0)),
            (time, (INVALID, np.nan)),
        ):
            for bad in invalid:
                values[rng.random(values.shape) < 0.01] = bad
        return torch.tensor(npho), torch.tensor(time)

    return events


@pytest.fixture
def small_network():
    """A function (tasks, **model) -> regressor of width 64 in evaluation mode, nothing at its start."""

    def build(tasks=TASKS, **model):
        model = {"encoder_dim": 64, "hidden_dim": 32, **model}
        configs = (
            tasks if isinstance(tasks, dict) and tasks is not TASKS else dict.fromkeys(tasks, TaskConfig())
        )
        network = XECRegressor(ModelConfig(**model), configs, NormalizationConfig())
        # GRN starts as the identity; a test of it has to move it.
        with torch.no_grad():
            for parameter in network.encoder.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        return network.eval()

    return build
