"""Derivatives and integrated gradients of small random networks, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.shallow import make_networks_shallow

from xec_analysis.saliency.attention import measure_attention, token_names
from xec_analysis.saliency.gradients import (
    Sample,
    evaluate,
    gradients,
    held_estimates,
    mean_event,
    outputs_of,
    starting_points,
)
from xec_analysis.saliency.integrated import integrated_gradients
from xec_data.reading.reader import EventReader
from xec_models.regressor.regressor import XECRegressor

TASKS = {"energy": {}, "uvwFI": {"loss_fn": "gaussian_nll"}, "n_gamma": {}}


@pytest.fixture(scope="module", params=["none", "light"])
def network(request):
    """A network with random weights, without and with an anchor."""
    model = {"encoder_dim": 32, "hidden_dim": 16, "outer_fine_pool": [9, 12], "anchor": request.param}
    if request.param != "none":
        model |= {"window": [8, 8]}
    config = {
        "model": model,
        "tasks": {name: {"enabled": True, **task} for name, task in TASKS.items()},
        "normalization": {},
    }
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(5)
    try:
        with pytest.MonkeyPatch.context() as patch:
            make_networks_shallow(patch)
            built = XECRegressor.from_config(config)
    finally:
        torch.set_default_dtype(default)
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return built.double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def sample(events_file):
    """Eight simulated events; some sensors are dead, and most have no time."""
    (chunk,) = EventReader(events_file, ("npho", "time"), chunk_size=1000)
    return Sample(*(torch.as_tensor(chunk[name][:8], dtype=torch.float64) for name in ("npho", "time")))


def test_with_its_own_estimates_held_an_event_has_the_same_outputs(network, sample):
    held = held_estimates(network, sample)
    ours = network(*sample)
    theirs = torch.cat([ours["energy"], ours["uvwFI"]], dim=1)
    torch.testing.assert_close(evaluate(network, sample, held), theirs, rtol=1e-12, atol=0)
    assert [output.name for output in outputs_of(network)] == ["energy", "u", "v", "w"]


def test_derivatives_are_those_of_finite_differences(network, sample):
    one = sample.rows(slice(0, 1))
    held = held_estimates(network, one)
    slopes = gradients(network, one, held)[:, 0]
    heard = torch.argsort(torch.where(one.timed[0], one.npho[0], 0), descending=True)[:3].tolist()
    dead = int((~one.counted[0]).nonzero()[0])
    assert not slopes[:, dead].any()
    assert not slopes[:, ~one.timed[0], 1].any()
    for sensor in (*heard, 4400):
        for kind, step in enumerate((1e-3, 1e-14)):
            if kind == 1 and not one.timed[0, sensor]:
                continue
            ends = []
            for sign in (1, -1):
                moved = [values.clone() for values in one]
                moved[kind][0, sensor] += sign * step
                ends.append(evaluate(network, Sample(*moved), held)[0])
            numeric = (ends[0] - ends[1]) / (2 * step)
            largest = float(slopes[:, :, kind].abs().amax())
            np.testing.assert_allclose(slopes[:, sensor, kind], numeric, rtol=1e-4, atol=1e-5 * largest)


def test_integrated_gradients_are_complete(network, sample):
    few = sample.rows(slice(0, 2))
    held = held_estimates(network, few)
    start = starting_points(network, few, mean_event(sample))
    integrated = integrated_gradients(network, few, start, held)
    change = evaluate(network, few, held) - evaluate(network, start, held)
    assert change.abs().min() > 0
    np.testing.assert_allclose(
        integrated.sum(dim=(2, 3)).T, change, rtol=0, atol=0.02 * float(change.abs().max())
    )
    for kind, seen in enumerate((few.counted, few.timed)):
        assert not integrated[..., kind][:, ~seen].any()


def test_the_way_begins_at_the_mean_event_on_the_same_side_of_the_threshold(network, sample):
    start = starting_points(network, sample, mean_event(sample))
    threshold = float(network.normalization.npho_threshold)
    assert torch.equal(start.counted, sample.counted)
    assert torch.equal(start.timed, sample.timed)
    assert torch.equal((start.npho >= threshold)[sample.timed], (sample.npho >= threshold)[sample.timed])
    free = sample.counted & ~sample.timed
    mean = np.array([sample.npho[sample.counted[:, 0], 0].mean()])
    np.testing.assert_allclose(start.npho[free[:, 0], 0], np.broadcast_to(mean, int(free[:, 0].sum())))


def test_attention_is_that_of_the_fusion(network, sample):
    """torch's own attention of the same tokens, and rows that add up to one."""
    few, seen = sample.rows(slice(0, 2)), []
    layer = network.encoder.fusion.layers[0]
    hook = layer.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    attention = measure_attention(network, few)
    hook.remove()
    n_tokens = len(token_names(network))
    assert attention.shape == (len(network.encoder.fusion.layers), 2, n_tokens, n_tokens)
    torch.testing.assert_close(attention.sum(dim=-1), torch.ones_like(attention[..., 0]))
    with torch.no_grad():
        _, expected = layer.self_attn(seen[0], seen[0], seen[0], need_weights=True)
    torch.testing.assert_close(attention[0], expected)
    assert not layer._forward_pre_hooks
