"""The network against the formulation read literally, which `tools/bench` also measures it against."""

import pytest
import torch
from tools.bench.plain_form import plain_copy


def _gradients(network, events):
    outputs = network.forward_standardized(*events)
    torch.stack([values.square().mean() for values in outputs.values()]).sum().backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_of_the_plain_form(small_network, raw_events, dtype):
    fast = small_network().to(dtype)
    plain = plain_copy(fast)
    with torch.no_grad():
        expected, found = plain(*raw_events(3)), fast(*raw_events(3))
        standardized = plain.forward_standardized(*raw_events(3)), fast.forward_standardized(*raw_events(3))
    for plain_outputs, fast_outputs in ((expected, found), standardized):
        assert fast_outputs.keys() == plain_outputs.keys()
        for name, values in plain_outputs.items():
            torch.testing.assert_close(fast_outputs[name], values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_the_plain_form(small_network, raw_events, dtype):
    fast = small_network(["angle", "energy"]).to(dtype)
    plain = plain_copy(fast)
    expected, found = (_gradients(network, raw_events(3)) for network in (plain, fast))
    overall = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in expected.items():
        assert found[name] is not None, name
        largest = float(gradient.abs().max())
        assert largest > 0, name
        if dtype == torch.float32:
            # Small gradients are differences of large ones; single precision keeps what the optimizer sees.
            torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-4 * overall)
        else:
            # The tables of the fine grid are in single precision even then.
            torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-5 * largest)
