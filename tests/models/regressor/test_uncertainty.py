"""Predicted uncertainties: are they right, and do their corrections reach whoever uses the network?"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_models.checkpoint.building import build_model, load_model
from xec_models.checkpoint.content import Checkpoint, NetworkWeights
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import ModelConfig, TaskConfig
from xec_models.errors import CheckpointError, ModelError
from xec_models.regressor.metrics import pull_width, sigma_factors, sigma_ratio, task_metrics
from xec_models.regressor.regressor import XECRegressor

SMALL = {"encoder_dim": 64, "hidden_dim": 8, "num_fusion_layers": 0, "outer_fine_pool": (3, 3)}
TASKS = {"energy": TaskConfig(loss_fn="gaussian_nll"), "timing": TaskConfig()}


def checkpoint(network: XECRegressor, averaged=None, sigma_factors=None, loss_balance="fixed") -> Checkpoint:
    config = {
        "model": network.model_config.model_dump(mode="json"),
        "tasks": {name: task.model_dump() for name, task in TASKS.items()},
        "normalization": NormalizationConfig().model_dump(mode="json"),
    }
    weights = NetworkWeights(network.state_dict(), averaged, sigma_factors or {})
    return new_checkpoint("regressor", {**config, "loss_balance": loss_balance}, weights)


@pytest.fixture
def network():
    return XECRegressor(ModelConfig(**SMALL), TASKS, NormalizationConfig()).eval()


@pytest.fixture
def gaussian():
    """Residuals of events whose widths differ, and the widths."""
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.5, 2.0, 200_000)
    return rng.normal(0.0, sigma), sigma


def test_true_widths_have_pulls_of_width_one(gaussian):
    residual, sigma = gaussian
    assert pull_width(residual, sigma) == pytest.approx(1.0, abs=0.01)
    assert pull_width(residual + 100.0, 2.0 * sigma) == pytest.approx(pull_width(residual + 100, sigma) / 2)


def test_tails_do_not_widen_the_pull(gaussian):
    residual, sigma = gaussian
    tail = residual.copy()
    tail[::100] = 1e4
    assert pull_width(tail, sigma) == pytest.approx(pull_width(residual, sigma), rel=0.03)


def test_ratio_of_a_constant_width():
    residual = np.random.default_rng(1).normal(5.0, 3.0, 100_000)
    assert sigma_ratio(residual, np.full(residual.shape, 6.0)) == pytest.approx(2.0, rel=0.01)


def test_events_without_width_do_not_count():
    residual, sigma = np.array([1.0, -1.0, 2.0, 9.0]), np.array([1.0, 1.0, 2.0, 0.0])
    assert pull_width(residual, sigma) == pytest.approx(pull_width(residual[:3], sigma[:3]))
    assert math.isnan(pull_width(residual, np.zeros(4)))
    assert math.isnan(sigma_ratio(np.zeros(4), sigma))


def test_metrics_carry_the_names_of_the_outputs(gaussian):
    residual, sigma = (np.repeat(values[:300, None], 3, axis=1) for values in gaussian)
    metrics = task_metrics("uvwFI", residual, np.zeros_like(residual), sigma)
    assert metrics["uvw_w_pull_width"] == pytest.approx(pull_width(residual[:, 2], sigma[:, 2]))
    assert metrics["uvw_u_sigma_ratio"] == pytest.approx(sigma_ratio(residual[:, 0], sigma[:, 0]))
    assert not any("pull" in name for name in task_metrics("uvwFI", residual, residual))


def test_factors_bring_the_pull_width_to_one(gaussian):
    residual, sigma = (values[:5000, None] for values in gaussian)
    wrong = sigma * 7.0
    (factor,) = sigma_factors("energy", residual, wrong, np.zeros_like(residual))
    assert factor == pytest.approx(1 / 7, rel=0.05)
    assert pull_width(residual, wrong * factor) == pytest.approx(1.0, rel=1e-12)


def test_factors_are_one_where_nothing_can_be_learnt():
    zero, one = np.zeros((5, 1)), np.ones((5, 1))
    assert sigma_factors("energy", zero, one, zero) == [1.0]
    assert sigma_factors("energy", one, zero, zero) == [1.0]


def test_a_loaded_network_predicts_corrected_widths(network, raw_events, tmp_path: Path):
    readings = raw_events(3)
    with torch.inference_mode():
        before = network(*readings)
    path = tmp_path / "a.pth"
    save_checkpoint(path, checkpoint(network, sigma_factors={"energy": [2.5]}))
    with torch.inference_mode():
        after = load_model(path)(*readings)
    torch.testing.assert_close(after["energy_sigma"], 2.5 * before["energy_sigma"])
    assert torch.equal(after["energy"], before["energy"])


def test_checkpoints_without_factors_load_unchanged(network, tmp_path: Path):
    path = tmp_path / "a.pth"
    save_checkpoint(path, checkpoint(network))
    assert not any("sigma_factor" in name for name in read_checkpoint(path).weights.model)
    assert load_model(path).targets["energy"].sigma_factor.tolist() == [1.0]


def test_weights_that_were_not_validated_are_not_corrected(network, tmp_path: Path):
    path = tmp_path / "a.pth"
    both = checkpoint(network, averaged=network.state_dict(), sigma_factors={"energy": [2.0]})
    save_checkpoint(path, both)
    content = read_checkpoint(path)
    assert build_model(content).targets["energy"].sigma_factor.tolist() == [2.0]
    assert build_model(content, prefer_ema=False).targets["energy"].sigma_factor.tolist() == [1.0]


@pytest.mark.parametrize("factors", [{"energy": [1.0, 2.0]}, {"timing": [1.0]}, {"angle": [1.0, 1.0]}])
def test_factors_that_do_not_fit(network, tmp_path: Path, factors):
    with pytest.raises(ModelError):
        network.set_sigma_factors(factors)
    path = tmp_path / "a.pth"
    save_checkpoint(path, checkpoint(network, sigma_factors=factors))
    with pytest.raises(CheckpointError, match="sigma_factors"):
        load_model(path)


def test_learnt_loss_weights_of_older_files_are_not_the_networks(network, tmp_path: Path):
    older = checkpoint(network, loss_balance="auto")
    weights = NetworkWeights({**network.state_dict(), "log_variances.timing": torch.ones(1)})
    save_checkpoint(tmp_path / "a.pth", replace(older, weights=weights))
    loaded = load_model(tmp_path / "a.pth").state_dict()
    assert loaded.keys() == network.state_dict().keys()
