"""Averages over reflected events: exactly symmetric, and the mean of four calls."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import MIRRORS, mirrored_sensors
from xec_models import MirrorAverage, ModelError
from xec_models.config.network import RegressorConfig, TaskConfig
from xec_models.regressor.regressor import XECRegressor

SMALL = {"encoder_dim": 64, "hidden_dim": 16, "outer_fine_pool": (9, 12), "num_fusion_layers": 1}
UNCERTAIN = {"angle": "gaussian_nll", "energy": "gaussian_nll", "uvwFI": "student_t"}
EXACT = {torch.float32: 1e-6, torch.float64: 1e-12}

# What a network says of an event at u, v, w and of its mirror image: by hand, not by the table.
SIGNS = {
    "z": {"uvwFI": [-1, 1, 1], "angleVec": [1, 1, -1], "angle": [-1, 1]},
    "y": {"uvwFI": [1, -1, 1], "angleVec": [1, -1, 1], "angle": [1, -1]},
    "zy": {"uvwFI": [-1, -1, 1], "angleVec": [1, -1, -1], "angle": [-1, -1]},
    "none": {},
}


def sensors(mirror):
    return torch.tensor(mirrored_sensors(mirror))


def reflected(outputs, mirror):
    changed = {}
    for name, values in outputs.items():
        changed[name] = values * torch.tensor(SIGNS[mirror].get(name, [1]))
        if name == "angle" and "z" in mirror:
            changed[name][:, 0] += 180.0
    return changed


def build(dtype, layout="physical"):
    """A network with a spread of outputs as real ones have."""
    tasks = {name: TaskConfig(loss_fn=UNCERTAIN.get(name)) for name in TASKS}
    network = XECRegressor(RegressorConfig(layout=layout, **SMALL), tasks, NormalizationConfig())
    rng = np.random.default_rng(0)
    direction = rng.normal([-5.0, 0, 0], 1.0, (300, 3))
    network.fit_targets(
        {
            "angle": rng.normal([90, 0], [20, 30], (300, 2)),
            "energy": rng.uniform(0.02, 0.06, (300, 1)),
            "timing": rng.normal(1e-8, 1e-9, (300, 1)),
            "uvwFI": rng.normal([0, 0, 5], [15, 40, 4], (300, 3)),
            "angleVec": direction / np.linalg.norm(direction, axis=1, keepdims=True),
            "n_gamma": np.ones((300, 1)),
        }
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.to(dtype).eval()


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


@torch.no_grad()
@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
@pytest.mark.parametrize("mirror", MIRRORS[1:])
def test_predictions_of_a_reflected_event_are_the_reflected_predictions(mirror, layout, dtype, raw_events):
    network = build(dtype, layout)
    average = MirrorAverage(network)
    readings = [values.to(dtype) for values in raw_events(4)]
    other = [values[:, sensors(mirror)] for values in readings]
    expected, found = reflected(average(*readings), mirror), average(*other)
    for name, values in expected.items():
        spread = network.target_scale(name.removesuffix("_sigma")).scale.max()
        assert values.dtype == dtype
        torch.testing.assert_close(
            found[name] / spread, values / spread, atol=EXACT[dtype], rtol=EXACT[dtype]
        )
    # Without the average it is not: the readings of these events are not symmetric.
    alone = reflected(network(*readings), mirror)
    assert not torch.allclose(network(*other)["uvwFI"], alone["uvwFI"], atol=1e-3)


@torch.no_grad()
def test_it_is_the_mean_of_four_calls(dtype, raw_events):
    network = build(dtype)
    readings = [values.to(dtype) for values in raw_events(3)]
    calls = [
        reflected(network(*(values[:, sensors(mirror)] for values in readings)), mirror) for mirror in MIRRORS
    ]
    found = MirrorAverage(network)(*readings)
    assert found.keys() == calls[0].keys()
    expected = {name: sum(call[name] for call in calls) / 4 for name in found}
    expected["angleVec"] /= expected["angleVec"].norm(dim=1, keepdim=True)
    phi = torch.stack([call["angle"][:, 1].double().deg2rad() for call in calls])
    expected["angle"][:, 1] = torch.polar(torch.ones_like(phi), phi).mean(0).angle().rad2deg().to(dtype)
    for name, values in expected.items():
        spread = network.target_scale(name.removesuffix("_sigma")).scale.max()
        torch.testing.assert_close(
            found[name] / spread, values / spread, atol=EXACT[dtype], rtol=EXACT[dtype]
        )


@torch.no_grad()
def test_it_takes_readings_as_the_network_does(raw_events):
    average = MirrorAverage(build(torch.float32))
    npho, time = raw_events(2)
    expected = average(npho, time)["uvwFI"]
    assert torch.equal(average(torch.stack([npho, time], -1))["uvwFI"], expected)
    assert torch.equal(average(npho.numpy(), time.numpy())["uvwFI"], expected)
    torch.testing.assert_close(average(npho[:1], time[:1])["uvwFI"], expected[:1], rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_it_predicts_arrays_as_the_network_does(raw_events):
    average = MirrorAverage(build(torch.float32))
    npho, time = (values.numpy() for values in raw_events(3))
    found, expected = average.predict(npho, time, batch_size=2), average(npho, time)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5)
    assert average.predict(npho[:0], time[:0])["uvwFI"].shape == (0, 3)


def test_another_network_is_refused():
    with pytest.raises(ModelError, match="MirrorAverage: a Linear; expected a regressor"):
        MirrorAverage(torch.nn.Linear(1, 1))


def test_it_is_a_network_in_evaluation_mode_without_parameters_of_its_own():
    network = build(torch.float32)
    average = MirrorAverage(network)
    assert not average.training
    assert {name.removeprefix("network.") for name in average.state_dict()} == set(network.state_dict())


@torch.no_grad()
def test_an_event_without_readings_does_not_spoil_others(raw_events):
    average = MirrorAverage(build(torch.float32))
    npho, time = raw_events(3)
    expected = average(npho, time)["angle"][[0, 2]]
    npho[1], time[1] = INVALID, INVALID
    torch.testing.assert_close(average(npho, time)["angle"][[0, 2]], expected, rtol=1e-5, atol=1e-4)
