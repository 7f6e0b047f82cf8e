"""The operators in C++ against the formulas in float64, and against the same in Python."""

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from xec_models.blocks import block_mlp as module
from xec_models.blocks.block_mlp import block_mlp
from xec_models.blocks.convnext import ConvNeXtV2Block
from xec_models.blocks.depthwise import depthwise_conv
from xec_models.blocks.hexnext import HexNeXtBlock
from xec_models.blocks.native import compiling, operators
from xec_models.errors import ModelError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Operators, compiled on the first use of this machine."""
    if compiling.find_compiler() is None:
        pytest.skip("no C++ compiler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(operators.VARIABLE, "on")
        patch.setattr(operators._Library, "asked", False)
        assert operators.have_operators()
        yield
    operators._Library.namespace = None


def _close(found, expected):
    largest = float(expected.abs().max())
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-6 * max(largest, 1e-30))


def _mlp_in_double(y, norm_weight, norm_bias, weight1, bias1, gamma, weight2, bias2):
    normed = F.layer_norm(y, (y.shape[-1],), norm_weight, norm_bias, 1e-6)
    hidden = F.gelu(F.linear(normed, weight1, bias1))
    norm = torch.linalg.vector_norm(hidden, dim=1)
    response = norm / (norm.mean(-1, keepdim=True) + 1e-6)
    return F.linear(hidden * (1 + gamma * response).unsqueeze(1), weight2, bias2)


def _arguments(events, positions, channels):
    generator = torch.Generator().manual_seed(channels)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    hidden = 4 * channels
    return [
        2 * random(events, positions, channels) + 1,
        1 + 0.3 * random(channels),
        0.1 * random(channels),
        random(hidden, channels) / channels**0.5,
        0.1 * random(hidden),
        0.3 * random(hidden),
        random(channels, hidden) / hidden**0.5,
        0.1 * random(channels),
    ]


@pytest.mark.parametrize("channels", [8, 16, 32, 48, 64, 96])
@pytest.mark.parametrize(("events", "positions"), [(1, 1), (3, 97), (40, 13)])
def test_mlp_and_its_gradients(events, positions, channels):
    single = [x.requires_grad_() for x in _arguments(events, positions, channels)]
    double = [x.detach().double().requires_grad_() for x in single]
    expected = _mlp_in_double(*double)
    y, norm_weight, norm_bias, *layers = single
    found = block_mlp(y, (norm_weight, norm_bias, 1e-6), tuple(layers[:2]), layers[2], tuple(layers[3:]))
    assert type(found.grad_fn.next_functions[0][0]).__name__ == "_NativeBlockMLPBackward"
    _close(found.detach(), expected.detach())
    grad = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    wanted = torch.autograd.grad(expected, double, grad)
    for one, gradient in zip(torch.autograd.grad(found, single, grad.float()), wanted, strict=True):
        _close(one, gradient)


def test_the_normal_distribution_over_its_whole_range():
    # With an identity before and after, one hidden feature alone, the operator is a GELU.
    channels = 8
    y, norm_weight, norm_bias, weight1, bias1, gamma, weight2, bias2 = _arguments(1, 1, channels)
    for tensor in (norm_weight, norm_bias, weight1, gamma, weight2, bias2):
        tensor.zero_()
    weight2[0, 0] = 1.0
    for x in [*torch.linspace(-14, 14, 57).tolist(), 1e-20, -1e-20, 3e4, -3e4]:
        bias1[0] = x
        found = block_mlp(y, (norm_weight, norm_bias, 1e-6), (weight1, bias1), gamma, (weight2, bias2))
        exact = F.gelu(torch.tensor(x, dtype=torch.float64))
        assert float(found[0, 0, 0]) == pytest.approx(float(exact), abs=1.5e-7 * max(1.0, abs(x)))


def test_numbers_that_are_none_stay_visible():
    arguments = _arguments(2, 5, 16)
    arguments[0][1, 2, 3] = float("nan")
    y, norm_weight, norm_bias, *layers = arguments
    out = block_mlp(y, (norm_weight, norm_bias, 1e-6), tuple(layers[:2]), layers[2], tuple(layers[3:]))
    assert out[0].isfinite().all()
    assert out[1].isnan().all()  # GRN takes the norm over all positions


@pytest.mark.parametrize("channels", [8, 16, 64])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (11, 2), (9, 43)])
def test_depthwise_convolution_and_its_gradients(rows, columns, channels):
    conv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
    x = torch.randn(3, rows, columns, channels, requires_grad=True)
    double = x.detach().double().requires_grad_()
    exact = nn.Conv2d(channels, channels, 7, padding=3, groups=channels).double()
    exact.load_state_dict(conv.state_dict())
    expected = exact(double.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    found = depthwise_conv(x, conv.weight, conv.bias)
    _close(found.detach(), expected.detach())
    grad = torch.randn(x.shape)
    found.backward(grad)
    expected.backward(grad.double())
    for one, other in ((x, double), (conv.weight, exact.weight), (conv.bias, exact.bias)):
        _close(one.grad, other.grad)


def test_other_kernels_and_widths_keep_their_gradients():
    weight = torch.randn(6, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(depthwise_conv, (x, weight, bias))


@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_do_not_depend_on_threads_and_batch_mates(threads):
    blocks = [ConvNeXtV2Block(16), HexNeXtBlock(96)]
    features = [torch.randn(37, 12, 10, 16), torch.randn(37, 73, 96)]
    before = torch.get_num_threads()
    try:
        for block, x in zip(blocks, features, strict=True):
            for parameter in block.parameters():
                nn.init.normal_(parameter, std=0.2)
            torch.set_num_threads(1)
            expected = block(x)
            expected.square().mean().backward()
            gradients = [parameter.grad.clone() for parameter in block.parameters()]
            block.zero_grad()
            torch.set_num_threads(threads)
            found = block(x)
            found.square().mean().backward()
            torch.testing.assert_close(found, expected, rtol=0, atol=0)
            for parameter, gradient in zip(block.parameters(), gradients, strict=True):
                torch.testing.assert_close(
                    parameter.grad, gradient, rtol=0, atol=1e-7 * float(gradient.abs().max())
                )
            torch.testing.assert_close(block(x[5:6]), expected[5:6], rtol=0, atol=1e-6)
    finally:
        torch.set_num_threads(before)


def test_no_events():
    block = ConvNeXtV2Block(8)
    x = torch.zeros(0, 5, 4, 8, requires_grad=True)
    out = block(x)
    assert out.shape == x.shape
    out.sum().backward()
    assert block.pwconv1.weight.grad.abs().sum() == 0


def test_same_as_in_python(monkeypatch):
    block = ConvNeXtV2Block(8)
    x = torch.randn(2, 9, 7, 8)
    found = block(x)
    monkeypatch.setattr(module, "operators", lambda: None)
    torch.testing.assert_close(found, block(x), rtol=1e-5, atol=1e-6)


def test_a_compiler_that_fails_is_told_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(ModelError, match="false: failed without a message"):
        compiling.compile_operators()
    assert not list((tmp_path / "xec" / "operators").iterdir())
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ModelError, match="no C\\+\\+ compiler"):
        compiling.compile_operators()


def test_a_damaged_file_is_not_loaded(tmp_path):
    # In a process of its own: this one has the operators.
    code = (
        "from xec_models.blocks.native import compiling, operators\n"
        "path = compiling.compiled_file(); path.parent.mkdir(parents=True); path.write_bytes(b'damaged')\n"
        "print(operators.operators())\n"
        "try: operators.have_operators()\n"
        "except Exception as error: print(error)\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    first, second = done.stdout.splitlines()
    assert first == "None"
    assert "remove it and try again" in second


def test_a_user_without_a_home_has_no_operators(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(compiling.Path, "home", no_home)
    monkeypatch.setattr(operators._Library, "asked", False)
    monkeypatch.setattr(operators._Library, "namespace", None)
    assert operators.operators() is None
    with pytest.raises(ModelError, match="expected a folder in XDG_CACHE_HOME"):
        operators.have_operators()


def test_blocks_do_not_need_what_compiles_them():
    code = "import sys, xec_models.blocks.convnext; print('setuptools' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
