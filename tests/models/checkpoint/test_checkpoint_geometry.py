"""The positions in a checkpoint: written, read back, and refused when they are no positions."""

import numpy as np
import pytest
import torch
from tests.displaced import displaced

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import geometry_hash
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import RegressorConfig, TaskConfig
from xec_models.errors import CheckpointError
from xec_models.regressor.regressor import XECRegressor

BUILT = displaced()
MODEL = RegressorConfig(
    encoder_dim=64, hidden_dim=16, anchor="light", window=(8, 8), position="geometric", inner_pool=(31, 11)
)
TASKS = {"uvwFI": TaskConfig(), "energy": TaskConfig()}


@pytest.fixture
def saved(tmp_path):
    """A network for displaced sensors, and its checkpoint."""
    torch.manual_seed(2)
    network = XECRegressor(MODEL, TASKS, NormalizationConfig(), BUILT).eval()
    config = {
        "geometry": "gone.txt",
        "model": MODEL.model_dump(mode="json"),
        "tasks": {name: task.model_dump(mode="json") for name, task in TASKS.items()},
        "normalization": NormalizationConfig().model_dump(mode="json"),
    }
    path = tmp_path / "built.pth"
    weights = NetworkWeights(network.state_dict())
    save_checkpoint(path, new_checkpoint("regressor", config, weights, geometry=BUILT))
    return network, config, path


def test_a_checkpoint_has_the_positions_it_was_trained_with(saved, raw_events):
    network, _, path = saved
    loaded, content = load_model(path), read_checkpoint(path)
    np.testing.assert_array_equal(loaded.geometry.positions, BUILT.positions)
    assert content.provenance.geometry_hash == geometry_hash(table=BUILT) != geometry_hash()
    assert content.config.geometry_source == "gone.txt"
    readings = raw_events(3)
    with torch.inference_mode():
        here, there, nominal = (
            of(*readings) for of in (network, loaded, XECRegressor(MODEL, TASKS, NormalizationConfig()))
        )
    for task in TASKS:
        assert torch.equal(here[task].nan_to_num(), there[task].nan_to_num())
    assert not torch.equal(here["uvwFI"], nominal["uvwFI"])


def test_nominal_positions_are_not_written(saved, tmp_path):
    _, config, _ = saved
    network = XECRegressor(MODEL, TASKS, NormalizationConfig())
    path = tmp_path / "nominal.pth"
    weights = NetworkWeights(network.state_dict())
    save_checkpoint(path, new_checkpoint("regressor", {**config, "geometry": "nominal"}, weights))
    assert "geometry" not in torch.load(path, weights_only=True)
    assert load_model(path).geometry.is_nominal


def test_positions_are_not_forgotten(saved):
    network, config, _ = saved
    with pytest.raises(CheckpointError, match=r"no positions .* says geometry: gone\.txt"):
        new_checkpoint("regressor", config, NetworkWeights(network.state_dict()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"geometry": "gone.txt"}, "its geometry is a str, expected tables"),
        ({"geometry": {"positions": torch.zeros(3)}}, "its geometry has no positions of 4760 sensors"),
        ({"geometry": None}, "trained on another geometry"),
    ],
)
def test_what_are_no_positions(saved, change, message):
    path = saved[2]
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(CheckpointError, match=message):
        load_model(path)
