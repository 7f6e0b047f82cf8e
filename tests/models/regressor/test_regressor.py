import copy

import numpy as np
import pytest
import torch

from xec_data import PRESETS, SCHEMES, NormalizationConfig
from xec_data.schema.branches import INVALID
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS
from xec_models.config.network import ModelConfig, TaskConfig
from xec_models.errors import ModelError
from xec_models.regressor.regressor import XECRegressor

WIDTHS = {"angle": 2, "energy": 1, "timing": 1, "uvwFI": 3, "angleVec": 3, "n_gamma": 5}


# networks.md, "Sizes": in millions, with all six heads.
@pytest.mark.parametrize(("encoder_dim", "millions"), [(1024, 35.6), (256, 4.7)])
def test_number_of_parameters(encoder_dim, millions):
    network = XECRegressor(
        ModelConfig(encoder_dim=encoder_dim), dict.fromkeys(TASKS, TaskConfig()), NormalizationConfig()
    )
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


@torch.no_grad()
def test_all_six_tasks(small_network, raw_events):
    network = small_network()
    npho, time = raw_events(3)
    outputs = network(npho, time)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        name: (3, width) for name, width in WIDTHS.items()
    }
    assert all(torch.isfinite(value).all() for value in outputs.values())
    assert network.tasks == tuple(TASKS)


@torch.no_grad()
def test_stacked_readings_arrays_and_tensors_are_one(small_network, raw_events):
    network = small_network(["uvwFI"])
    npho, time = raw_events(2)
    expected = network(npho, time)["uvwFI"]
    assert torch.equal(network(torch.stack([npho, time], -1))["uvwFI"], expected)
    assert torch.equal(network(npho.numpy(), time.numpy())["uvwFI"], expected)
    x = network.encoder.normalizer(npho, time)
    assert torch.equal(network.forward_normalized(x)["uvwFI"], expected)


@torch.no_grad()
def test_uncertainties_come_beside_their_task(small_network, raw_events):
    tasks = {"energy": TaskConfig(loss_fn="gaussian_nll"), "uvwFI": TaskConfig(loss_fn="gaussian_nll")}
    network = small_network({**tasks, "angle": TaskConfig(enabled=False)})
    outputs = network(*raw_events(2))
    assert list(outputs) == ["energy", "energy_sigma", "uvwFI", "uvwFI_sigma"]
    assert (outputs["uvwFI_sigma"] > 0).all()
    assert outputs["uvwFI_sigma"].shape == (2, 3)


@torch.no_grad()
def test_outputs_follow_the_targets(small_network, raw_events):
    network = small_network(["energy", "uvwFI"])
    rng = np.random.default_rng(0)
    truth = {"energy": rng.normal(0.05, 0.002, (500, 1)), "uvwFI": rng.normal(5, [10, 30, 4], (500, 3))}
    network.fit_targets(truth)
    raw, physical = network.forward_standardized(*raw_events(2)), network(*raw_events(2))
    for task, values in truth.items():
        expected = raw[task].numpy() * values.std(0) + values.mean(0)
        np.testing.assert_allclose(physical[task], expected, rtol=1e-4)
        torch.testing.assert_close(
            network.standardize_target(task, physical[task]), raw[task], atol=1e-4, rtol=1e-4
        )


@torch.no_grad()
@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_one_valid_count_is_enough_for_finite_outputs(preset, scheme, raw_events):
    normalization = NormalizationConfig(preset=preset, npho_scheme=scheme)
    network = XECRegressor(ModelConfig(encoder_dim=64), {"uvwFI": TaskConfig()}, normalization).eval()
    npho, time = raw_events(4)
    npho[0], time[0] = INVALID, INVALID
    npho[1], time[1] = torch.nan, torch.inf
    npho[2], time[2] = -torch.inf, torch.nan
    npho[:3, 5] = 100.0
    assert torch.isfinite(network(npho, time)["uvwFI"]).all()


def test_gradients_of_the_inputs_are_finite(small_network, raw_events):
    network = small_network(["energy"])
    npho, time = (values.requires_grad_() for values in raw_events(2))
    network(npho, time)["energy"].sum().backward()
    assert torch.isfinite(npho.grad).all()
    assert torch.isfinite(time.grad).all()
    assert npho.grad.abs().sum() > 0
    assert time.grad.abs().sum() > 0


def test_a_few_steps_learn_something():
    """The total count of an event can be learnt from it."""
    network = XECRegressor(
        ModelConfig(encoder_dim=64, hidden_dim=32, num_fusion_layers=1),
        {"energy": TaskConfig()},
        NormalizationConfig(),
    ).train()
    rng = np.random.default_rng(0)
    size = rng.uniform(0.5, 1.5, (16, 1)).astype(np.float32)
    npho = torch.tensor(size * rng.gamma(2.0, 300.0, (16, N_SENSORS)).astype(np.float32))
    time = torch.zeros_like(npho)
    network.fit_targets({"energy": size})
    target = network.standardize_target("energy", torch.tensor(size))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = (network.forward_standardized(npho, time)["energy"] - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-2:]) < 0.4 * losses[0]


def test_copies_are_independent(small_network, raw_events):
    """The average of the weights is kept in a deep copy."""
    network = small_network(["energy"])
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    assert twin(*raw_events(1))["energy"].abs().max() > 0


def test_mistakes_are_named(small_network, raw_events):
    network = small_network(["energy"])
    npho, time = raw_events(2)
    with pytest.raises(ModelError, match=rf"npho has the shape \(2, 10\), expected \(events, {N_SENSORS}\)"):
        network(npho[:, :10], time)
    with pytest.raises(ModelError, match="or give npho and time as two arguments"):
        network(npho)
    with pytest.raises(ModelError, match="no task 'angle', expected one of energy"):
        network.standardize_target("angle", torch.zeros(1, 2))
    with pytest.raises(ModelError, match="no true values for the task 'energy'"):
        network.fit_targets({})
    with pytest.raises(ModelError, match=r"unknown task 'enrgy'.*'energy'"):
        XECRegressor(ModelConfig(encoder_dim=64), {"enrgy": TaskConfig()}, NormalizationConfig())


@pytest.mark.parametrize(
    "model", [{"outer_fine_pool": (3, 3)}, {"hex_conv": "attention", "outer_mode": "split"}]
)
def test_the_graph_can_be_captured_with_any_batch(model, small_network, raw_events):
    """Nothing depends on the data's values or on the number of events: what exporters need."""
    network = small_network(["energy", "n_gamma"], **model)
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(
        network, raw_events(3), dynamic_shapes={"npho": {0: batch}, "time": {0: batch}}, strict=False
    )
    for n in (1, 5):
        readings = raw_events(n, seed=n)
        found, expected = program.module()(*readings), network(*readings)
        for task, values in expected.items():
            torch.testing.assert_close(found[task], values, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_an_event_without_any_valid_count_has_no_answer(small_network, raw_events):
    tasks = {task: TaskConfig() for task in TASKS}
    network = small_network({**tasks, "energy": TaskConfig(loss_fn="gaussian_nll")})
    npho, time = raw_events(4)
    npho[1], npho[3] = INVALID, torch.nan
    for name, value in network(npho, time).items():
        assert value.isnan().all(dim=1).tolist() == [False, True, False, True], name
        assert value[[0, 2]].isfinite().all(), name
    assert all(len(value) == 0 for value in network(npho[:0], time[:0]).values())
