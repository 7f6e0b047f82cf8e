"""Compiled methods: the same numbers and names, and the eager ones where compilation fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xec_train.config.train_config import TrainConfig
from xec_train.engine.hardware.compilation import compile_methods, compile_mode
from xec_train.runs.training import train


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.double(x)

    def double(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return 2 * self.layer(x).relu()


X = torch.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("mode", "device", "expected"),
    [
        ("auto", "cpu", None),
        ("auto", "cuda", "default"),
        ("off", "cuda", None),
        ("max-autotune", "cuda", "max-autotune"),
        ("reduce-overhead", "cpu", "reduce-overhead"),
    ],
)
def test_mode(mode: str, device: str, expected: str | None) -> None:
    assert compile_mode(mode, torch.device(device)) == expected


def fake_compiler(monkeypatch: pytest.MonkeyPatch, make: Callable[[Any], Any]) -> list[str]:
    modes: list[str] = []

    def compiler(function: Any, mode: str) -> Any:
        modes.append(mode)
        return make(function)

    monkeypatch.setattr(torch, "compile", compiler)
    return modes


def test_names_and_copies_do_not_know_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def make(function: Any) -> Any:
        return lambda x: calls.append(1) or function(x)

    modes = fake_compiler(monkeypatch, make)
    network, warnings = Network(), list[str]()
    names, expected = list(network.state_dict()), network(X)
    compile_methods(network, ("double",), "reduce-overhead", warnings.append)
    assert modes == ["reduce-overhead"]
    assert torch.equal(network(X), expected)
    assert len(calls) == 2  # once to see whether the gradient works
    assert list(network.state_dict()) == names == ["layer.weight", "layer.bias"]
    assert not warnings


def test_failure_is_one_line_and_then_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def make(_function: Any) -> Any:
        def fail(_x: Tensor) -> Tensor:
            tried.append(1)
            raise RuntimeError("no C++ compiler\nand a long story")

        return fail

    fake_compiler(monkeypatch, make)
    network, warnings = Network(), list[str]()
    expected = network(X)
    compile_methods(network, ("double",), "default", warnings.append)
    assert torch.equal(network(X), expected)
    assert torch.equal(network(X), expected)
    assert len(tried) == len(warnings) == 1
    assert warnings[0].startswith("torch.compile (default) failed, the training continues without it")
    assert warnings[0].endswith("RuntimeError: no C++ compiler")


def test_failure_of_the_gradient_is_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(function: Any) -> Any:
        def call(x: Tensor) -> Tensor:
            result = function(x)
            result.register_hook(lambda _: 1 / 0)
            return result

        return call

    fake_compiler(monkeypatch, make)
    network, warnings = Network(), list[str]()
    compile_methods(network, ("double",), "default", warnings.append)
    network(X).sum().backward()
    assert network.layer.weight.grad is not None
    assert warnings[0].endswith("ZeroDivisionError: division by zero")


def test_what_is_no_fault_of_the_compiler_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_compiler(monkeypatch, lambda function: function)
    network = Network()
    compile_methods(network, ("double",), "default", lambda _: None)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        network(X[:, :2])


def test_off_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    modes = fake_compiler(monkeypatch, lambda function: function)
    network = Network()
    compile_methods(network, ("double",), None, lambda _: None)
    assert not modes
    assert "double" not in vars(deepcopy(network))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="the CPU's backend needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_for_real_on_a_cpu() -> None:
    network, warnings = Network(), list[str]()
    eager = deepcopy(network)
    compile_methods(network, ("double",), "default", warnings.append)
    torch.testing.assert_close(network(X), eager(X))
    network(X).sum().backward()
    eager(X).sum().backward()
    assert network.layer.weight.grad is not None
    torch.testing.assert_close(network.layer.weight.grad, eager.layer.weight.grad)
    assert not warnings


def test_a_training_without_compiler_says_so_and_goes_on(
    configure: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(_function: Any) -> Any:
        def fail(*_: Any) -> None:
            raise RuntimeError("no compiler here")

        return fail

    fake_compiler(monkeypatch, make)
    quick = ("training.epochs=1", "checkpoint.save_artifacts=false")
    run = train(configure(*quick, "training.compile=default"))
    printed = capsys.readouterr().out
    assert printed.count("no compiler here") == 1
    assert run.checkpoint_best.exists()
