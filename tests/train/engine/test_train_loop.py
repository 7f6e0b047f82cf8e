"""The loop with a network of a few numbers: accumulation, clipping, decay, average."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from tests.train.line import Line, Memory, loop
from torch import Tensor

from xec_train.config.sections import TrainingConfig
from xec_train.engine.optimization.optimizers import build_optimizer
from xec_train.engine.train_loop import TrainLoop
from xec_train.regression.objective import Regression


def weights(trained: TrainLoop) -> Tensor:
    return torch.cat([p.detach().flatten() for p in trained.state.network.parameters()])


def test_it_learns_and_keeps_the_best() -> None:
    memory = Memory()
    trained = loop(memory, epochs=60)
    assert trained.run()
    losses = [numbers["val_loss"] for numbers in memory.logged if "val_loss" in numbers]
    assert losses[-1] < 1e-3 * losses[0]
    assert memory.saved[0] == "best"
    assert trained.state.progress.best_value == min(losses)
    assert (trained.state.progress.epoch, trained.state.progress.step) == (60, 180)
    assert memory.logged[-1]["slope"] == pytest.approx(float(weights(trained)[:3].sum()))
    # What the validation found about uncertainties goes into the checkpoint.
    assert trained.state.progress.sigma_factors == {"y": [float(sum(memory.sizes))]}


def test_a_hook_may_stop_it_after_an_epoch() -> None:
    memory, seen = Memory(), []
    trained = loop(memory, epochs=60)

    def stop_after_three(epoch: int, numbers: Mapping[str, float]) -> bool:
        seen.append((epoch, numbers["val_loss"], len(memory.saved)))
        return epoch == 3

    trained.after_epoch = stop_after_three
    assert not trained.run()
    losses = [numbers["val_loss"] for numbers in memory.logged if "val_loss" in numbers]
    # The checkpoint of an epoch is there when the hook is called.
    assert seen == [(epoch, loss, epoch) for epoch, loss in enumerate(losses, start=1)]
    assert (trained.state.progress.epoch, len(losses)) == (3, 3)


@pytest.mark.parametrize(
    ("small", "accumulated", "large"),
    [((4, 4, 4, 3), 3, (12, 3)), ((8, 2, 5), 2, (10, 5)), ((3, 1), 5, (4,))],
)
def test_accumulated_gradients_are_those_of_the_large_batch(
    small: tuple[int, ...], accumulated: int, large: tuple[int, ...]
) -> None:
    apart = loop(Memory(small), epochs=4, grad_accum_steps=accumulated)
    together = loop(Memory(large), epochs=4)
    apart.run()
    together.run()
    assert apart.state.progress.step == together.state.progress.step
    torch.testing.assert_close(weights(apart), weights(together), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sizes", [(4, 4, 4), (8, 1, 3), (2, 9)])
def test_accumulated_gradient_itself(sizes: tuple[int, ...]) -> None:
    gradients = []
    for parts in (sizes, (sum(sizes),)):
        trained = loop(Memory(parts), grad_clip=0)
        trained.step(list(Memory(parts).epoch()))
        gradients.append(torch.cat([p.grad.flatten() for p in trained.state.network.parameters()]))
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)


def test_norm_before_clipping_is_logged() -> None:
    memory = Memory((8,))
    trained = loop(memory, Line(scale=1e3), grad_clip=0.5, epochs=50)
    trained.run()
    norms = [numbers["grad_norm"] for numbers in memory.logged if "grad_norm" in numbers]
    assert len(norms) == 1
    assert norms[0] > 10 * 0.5


def test_the_largest_norm_of_an_epoch_is_logged() -> None:
    memory = Memory((8, 8, 3))
    trained = loop(memory, Line(scale=1e3), grad_clip=0.5, epochs=2)
    step, norms = trained.step, list[float]()

    def recorded(window: list[dict[str, torch.Tensor]]) -> torch.Tensor:
        norm = step(window)
        norms.append(float(norm))
        return norm

    trained.step = recorded  # type: ignore[method-assign]
    trained.run()
    largest = [numbers["grad_norm_max"] for numbers in memory.logged if "grad_norm_max" in numbers]
    assert largest == [max(norms[:3]), max(norms[3:])]


def test_losses_are_means_over_events_not_over_batches() -> None:
    memory = Memory((8, 1))
    trained = loop(memory, epochs=1, lr=1e-12, scheduler="none")
    x, y = (torch.cat([batch[name] for batch in memory.epoch()]) for name in ("npho", "y"))
    expected = float((trained.state.network(x) - y).square().mean().detach())
    trained.run()
    assert memory.logged[0]["train_loss"] == pytest.approx(expected, rel=1e-5)
    assert memory.logged[0]["val_loss"] == pytest.approx(expected, rel=1e-5)


def test_gradient_is_clipped_and_its_norm_is_the_one_before() -> None:
    trained = loop(Memory((8,)), Line(scale=1e6), grad_clip=0.5)
    norm = trained.step(list(Memory((8,)).epoch()))
    after = torch.cat([p.grad.flatten() for p in trained.state.network.parameters() if p.grad is not None])
    assert float(norm) > 1e5
    assert float(after.norm()) == pytest.approx(0.5, rel=1e-3)


def test_zero_clips_nothing() -> None:
    trained = loop(Memory((8,)), Line(scale=1e6), grad_clip=0)
    norm = trained.step(list(Memory((8,)).epoch()))
    after = torch.cat([p.grad.flatten() for p in trained.state.network.parameters() if p.grad is not None])
    assert float(after.norm()) == pytest.approx(float(norm), rel=1e-5)


def test_average_is_validated_if_there_is_one() -> None:
    trained = loop(Memory(), epochs=3, ema_decay=0.99)
    trained.run()
    assert trained.state.ema is not None
    assert trained.state.evaluated is trained.state.ema.module
    assert not torch.equal(trained.state.evaluated.network.weight, trained.state.network.weight)


def test_weight_decay_spares_biases_norms_grn_and_positions(configure: Any) -> None:
    network = Regression(configure()).build_network()
    optimizer = build_optimizer(network, TrainingConfig(weight_decay=0.1))
    decaying, free = ({id(p) for p in group["params"]} for group in optimizer.param_groups)
    names = {id(p): name for name, p in network.named_parameters()}
    assert decaying | free == set(names)
    assert not decaying & free
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.1, 0.0}
    for parameter, name in names.items():
        spared = any(word in name for word in ("bias", "norm", "grn", "position"))
        if spared:
            assert parameter in free, name
    assert any(name.endswith("weight") for p, name in names.items() if p in decaying)
