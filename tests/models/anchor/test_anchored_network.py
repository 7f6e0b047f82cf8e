"""Networks that learn the residuals of an anchor: their start, their symmetries, events without light."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import mirrored_sensors
from xec_models.anchor.conventional import AnchorTruth
from xec_models.blocks.namespace import TORCH
from xec_models.config.network import RegressorConfig, TaskConfig
from xec_models.encoder.readings import read
from xec_models.errors import ModelError
from xec_models.regressor.metrics import residual_factors
from xec_models.regressor.mirrored import MirrorAverage
from xec_models.regressor.regressor import XECRegressor, anchor_key

ANCHORED = [name for name, task in TASKS.items() if task.anchor is not None]
SMALL = {
    "encoder_dim": 64,
    "hidden_dim": 16,
    "inner_pool": (31, 11),
    "outer_fine_pool": (9, 12),
    "hex_width": 8,
    "hex_depth": 1,
}


def trained(network: XECRegressor) -> XECRegressor:
    """Give a network other weights than those that it starts with."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network


@pytest.fixture
def network(shower_events) -> XECRegressor:
    return build(shower_events)


def build(events, dtype=torch.float32, window=(8, 12)) -> XECRegressor:
    torch.manual_seed(0)
    model = RegressorConfig(anchor="light", window=window, **SMALL)
    network = XECRegressor(model, dict.fromkeys(TASKS, TaskConfig()), NormalizationConfig()).to(dtype)
    truth = AnchorTruth(*(events[branch].double() for branch in ("uvwTruth", "energyTruth", "timeTruth")))
    arrays = {name: values.numpy() for name, values in events.items()}
    targets = {name: torch.as_tensor(TASKS[name].true_values(arrays)) for name in ANCHORED}
    network.fit_anchor(events["npho"], events["time"], truth, targets)
    return network.eval()


@pytest.mark.parametrize("window", [(8, 12), None])
def test_at_its_start_it_is_the_conventional_reconstruction(window, shower_events):
    network = build(shower_events, window=window)
    npho, time = shower_events["npho"], shower_events["time"]
    with torch.no_grad():
        out = network(npho, time)
        estimate = network.anchor.reconstruction(read(npho, time, torch.float32))
    for task in ANCHORED:
        expected = TASKS[task].anchor(TORCH, estimate)
        torch.testing.assert_close(out[task], expected, rtol=1e-6, atol=1e-12 if task == "timing" else 1e-5)
    # Its residuals have the width 1 in the space of the losses.
    truth = shower_events["uvwTruth"]
    residual = network.standardize_target("uvwFI", truth, estimate.uvw)
    low, high = np.percentile(residual.numpy(), [16, 84], axis=0)
    np.testing.assert_allclose((high - low) / 2, 1.0, atol=0.02)


def test_standardizing_is_the_inverse(network, shower_events):
    trained(network)
    with torch.no_grad():
        raw = network.forward_standardized(shower_events["npho"], shower_events["time"])
        physical = network.to_physical(raw)
    for task in set(ANCHORED) - {"angleVec"}:
        again = network.standardize_target(task, physical[task], raw[anchor_key(task)])
        torch.testing.assert_close(again, raw[task], rtol=1e-3, atol=2e-3)


def test_shifted_times_shift_the_time_alone(shower_events):
    network, shift = trained(build(shower_events, torch.float64)), 2.9e-8
    npho, time = shower_events["npho"].double(), shower_events["time"].double()
    later = torch.where(time.abs() < 9e9, time + shift, time)
    with torch.no_grad():
        now, then = network(npho, time), network(npho, later)
    for task, values in now.items():
        expected = values + shift if task == "timing" else values
        torch.testing.assert_close(then[task], expected, rtol=1e-6, atol=1e-15)


def test_an_event_without_light_has_no_answer(network, shower_events):
    npho, time = shower_events["npho"][:4].clone(), shower_events["time"][:4].clone()
    npho[1], time[1:3] = INVALID, INVALID
    with torch.no_grad():
        out = trained(network)(npho, time)
    for task in ANCHORED:
        found = out[task].isfinite().all(dim=1).tolist()
        assert found == ([True, False, False, True] if task == "timing" else [True, False, True, True]), task
    assert out["n_gamma"].isfinite().all(dim=1).tolist() == [True, False, True, True]


def test_an_answer_that_is_missing_has_no_uncertainty(shower_events):
    npho, time = shower_events["npho"][:3].clone(), shower_events["time"][:3].clone()
    npho[1] = INVALID
    configs = {task: TaskConfig(loss_fn="student_t") for task in ("angle", "energy", "timing", "uvwFI")}
    model = RegressorConfig(anchor="light", window=None, **SMALL)
    network = XECRegressor(model, configs, NormalizationConfig()).eval()
    with torch.no_grad():
        out = network(npho, time)
    for task in configs:
        assert out[f"{task}_sigma"].isfinite().all(dim=1).tolist() == [True, False, True], task


def test_noise_that_adds_up_to_nothing_has_no_answer(network):
    noise = torch.randn(64, 4760, generator=torch.Generator().manual_seed(0)) * 3
    with torch.no_grad():
        out = network(noise, torch.full_like(noise, INVALID))
    unknown = out["energy"].isnan().squeeze(1)
    assert unknown.any()
    assert torch.equal(out["uvwFI"].isnan().all(dim=1), unknown)
    assert torch.equal(out["angle"].isnan().all(dim=1), unknown)


def test_averaged_over_reflections_it_is_as_symmetric_as_the_detector(shower_events):
    average = MirrorAverage(trained(build(shower_events, torch.float64)))
    readings = [shower_events[name].double() for name in ("npho", "time")]
    other = [values[:, torch.tensor(mirrored_sensors("z"))] for values in readings]
    with torch.no_grad():
        before, after = average(*readings)["uvwFI"], average(*other)["uvwFI"]
    torch.testing.assert_close(after, before * torch.tensor([-1.0, 1.0, 1.0]), rtol=0, atol=1e-6)


def test_events_do_not_know_each_other(network, shower_events):
    npho, time = shower_events["npho"][:6], shower_events["time"][:6]
    trained(network)
    with torch.no_grad():
        together, alone = network(npho, time), network(npho[4:5], time[4:5])
    for task, values in alone.items():
        torch.testing.assert_close(together[task][4:5], values, rtol=1e-4, atol=1e-5)


def test_outputs_that_are_no_improvement_are_the_anchors(network, shower_events):
    trained(network)
    npho, time = shower_events["npho"], shower_events["time"]
    with torch.no_grad():
        raw = network.forward_standardized(npho, time)
        before = network.to_physical(raw)
        network.set_residual_factors({"uvwFI": [1.0, 0.0, 1.0], "energy": [0.0]})
        after = network.to_physical(raw)
    torch.testing.assert_close(after["uvwFI"][:, [0, 2]], before["uvwFI"][:, [0, 2]])
    torch.testing.assert_close(after["uvwFI"][:, 1], raw[anchor_key("uvwFI")][:, 1])
    torch.testing.assert_close(after["energy"], raw[anchor_key("energy")])
    with pytest.raises(ModelError, match=r"2 factors on the residuals of the task 'energy', expected 1"):
        network.set_residual_factors({"energy": [1.0, 1.0]})
    with pytest.raises(ModelError, match=r"'n_gamma', expected none: it has no anchor"):
        network.set_residual_factors({"n_gamma": [1.0]})


def test_what_counts_as_no_improvement():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2000, 3))
    anchor = truth + rng.normal(size=truth.shape)
    # Better, the same within the statistical error, clearly worse.
    prediction = truth + (anchor - truth) * [0.8, 1.01, 1.1]
    anchor[7] = np.nan
    prediction[7] = np.nan
    assert residual_factors("uvwFI", prediction, anchor, truth) == [1.0, 1.0, 0.0]
    biased = prediction + np.array([3.0, 0.0, 0.0])
    assert residual_factors("uvwFI", biased, anchor, truth) == [0.0, 1.0, 0.0]
    prediction[5, 0] = np.nan
    assert residual_factors("uvwFI", prediction, anchor, truth) == [0.0, 1.0, 0.0]


def test_normalized_readings_are_not_enough(network):
    with pytest.raises(ModelError, match="needs raw readings"):
        network.forward_normalized(torch.zeros(1, 4760, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": (20, 20)}, "expected anchor 'light' or 'sums', found 'none'"),
        ({"anchor": "light", "window": (20, 18)}, "window has 18 columns, expected a multiple of 4"),
        (
            {"anchor": "light", "window": (44, 20)},
            "window has 44 rows, expected a multiple of 4 from 4 to 40",
        ),
        ({"anchor": "lite"}, "unknown anchor 'lite'"),
        ({"inner_pool": (2, 4)}, r"inner_pool is \[2, 4\], expected divisors of the 93 rows and 44 columns"),
        ({"side_pool": (12, 2)}, "of the 24 rows and 6 columns that leave at least 3 of each"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        RegressorConfig(**settings)
