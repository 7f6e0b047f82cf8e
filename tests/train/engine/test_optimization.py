"""Optimizers of the table, averages that suit them, and the precision that suits a device."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from torch import Tensor, nn

from xec_models.checkpoint.building import load_model
from xec_train.config.keys import choices
from xec_train.config.loading import load_config
from xec_train.config.sections import TrainingConfig
from xec_train.config.train_config import TrainConfig
from xec_train.engine.hardware.precision import choose_precision
from xec_train.engine.optimization.averaging import ScheduleFreeAverage, build_average
from xec_train.engine.optimization.muon import Muon, orthogonalized
from xec_train.engine.optimization.optimizers import OPTIMIZERS, build_optimizer
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import ConfigError, TrainError
from xec_train.runs.training import train

SCHEDULEFREE = {"optimizer": "schedulefree", "scheduler": "none"}


def steps(network: nn.Module, optimizer: Any, n: int, average: Any = None) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(n):
        optimizer.zero_grad()
        network(torch.randn(5, 3, generator=generator)).square().mean().backward()
        optimizer.step()
        if average is not None:
            average.update_parameters(network)


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def numbers(network: nn.Module) -> Tensor:
    return torch.cat([value.detach().flatten() for value in network.state_dict().values()])


def test_every_optimizer_has_a_name_in_the_configuration() -> None:
    assert (
        choices("training.optimizer")
        == tuple(OPTIMIZERS)
        == (
            "adamw",
            "schedulefree",
            "prodigy",
            "muon",
        )
    )


@pytest.mark.parametrize("fused", [True, False])
def test_adamw_by_its_formula(fused: bool) -> None:
    network = linear()
    optimizer = build_optimizer(network, TrainingConfig(lr=0.01, weight_decay=0.1), fused=fused)
    w = network.weight.detach().double().clone()
    m = v = torch.zeros_like(w)
    for i in range(1, 6):
        steps(network, optimizer, 1)
        assert network.weight.grad is not None
        g = network.weight.grad.double()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w * (1 - 0.01 * 0.1)
        w = w - 0.01 * (m / (1 - 0.9**i)) / ((v / (1 - 0.999**i)).sqrt() + 1e-8)
    torch.testing.assert_close(network.weight.detach().double(), w, rtol=1e-5, atol=1e-6)


class TestScheduleFree:
    def test_the_average_is_what_its_optimizer_evaluates(self) -> None:
        network = linear()
        optimizer: Any = build_optimizer(network, TrainingConfig(**SCHEDULEFREE))
        average = build_average(network, optimizer, 0.999)
        assert isinstance(average, ScheduleFreeAverage)
        steps(network, optimizer, 20, average)
        module = average.module
        optimizer.eval()
        assert torch.equal(numbers(module), numbers(network))

    def test_looking_at_the_average_changes_no_bit_of_the_training(self) -> None:
        trained = []
        for looks in (False, True):
            network = linear()
            optimizer: Any = build_optimizer(network, TrainingConfig(**SCHEDULEFREE, lr=0.1))
            average = build_average(network, optimizer, None)
            assert average is not None
            for _ in range(6):
                steps(network, optimizer, 3, average)
                if looks:
                    assert not torch.equal(numbers(average.module), numbers(network))
            trained.append(numbers(network))
        assert torch.equal(*trained)

    def test_weights_put_into_the_average_stay(self) -> None:
        network = linear()
        average = build_average(network, build_optimizer(network, TrainingConfig(**SCHEDULEFREE)), None)
        assert average is not None
        other = {name: torch.ones_like(value) for name, value in network.state_dict().items()}
        average.module.load_state_dict(other)
        assert bool((numbers(average.module) == 1).all())

    def test_a_training_whose_resumption_is_exact(self, configure: Callable[..., TrainConfig]) -> None:
        changes = ("training.optimizer=schedulefree", "training.scheduler=none",
                   "checkpoint.save_artifacts=false")  # fmt: skip
        whole = train(configure(*changes, "training.epochs=3", "mlflow.run_name=whole"))
        train(configure(*changes, "training.epochs=1", "mlflow.run_name=parts"))
        parts = train(
            configure(*changes, "training.epochs=3", "mlflow.run_name=parts", "checkpoint.resume_from=auto")
        )
        first, second = (read_checkpoint(run.checkpoint_last) for run in (whole, parts))
        for key in ("model", "ema_model"):
            assert all(torch.equal(value, second[key][name]) for name, value in first[key].items())
        # What is used afterwards is the average.
        weight = "heads.angle.0.weight"
        name = weight if weight in first["ema_model"] else next(iter(first["ema_model"]))
        best = read_checkpoint(whole.checkpoint_best)
        assert torch.equal(load_model(whole.checkpoint_best).state_dict()[name], best["ema_model"][name])
        assert not torch.equal(numbers_of(first["ema_model"]), numbers_of(first["model"]))

    def test_without_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "schedulefree", None)
        with pytest.raises(TrainError, match=r"pip install 'xec-train\[schedulefree\]'"):
            build_optimizer(linear(), TrainingConfig(**SCHEDULEFREE))

    def test_with_a_schedule_it_is_a_wrong_configuration(self, tmp_path: Any) -> None:
        path = tmp_path / "run.yaml"
        path.write_text("data: {train_path: a.root, val_path: b.root}\ntraining: {optimizer: schedulefree}\n")
        with pytest.raises(ConfigError, match="training: scheduler is 'cosine', expected 'none'"):
            load_config(path)
        assert load_config(path, ["training.scheduler=none"]).config.training.warmup_epochs == 2


class TestProdigy:
    def test_a_rate_that_nobody_chose_suits_any_scale(self) -> None:
        """The minimum of |Aw − b|² is found from far away, in units of 10⁻³ and of 10³."""
        for scale in (1e-3, 1.0, 1e3):
            network = linear()
            optimizer = build_optimizer(network, TrainingConfig(optimizer="prodigy", weight_decay=0))
            generator = torch.Generator().manual_seed(2)
            x = torch.randn(50, 3, generator=generator)
            wanted = scale * torch.randn(2, 3, generator=generator)
            losses = []
            for _ in range(800):
                optimizer.zero_grad()
                loss = (network(x) - x @ wanted.T).square().mean()
                loss.backward()
                optimizer.step()
                losses.append(float(loss.detach()))
            assert min(losses) < 1e-3 * losses[0], scale

    def test_its_usual_rate_is_one_and_another_one_is_a_wrong_configuration(self, tmp_path: Any) -> None:
        path = tmp_path / "run.yaml"
        path.write_text("data: {train_path: a.root, val_path: b.root}\ntraining: {optimizer: prodigy}\n")
        assert load_config(path).config.training.lr == 1.0
        assert load_config(path, ["training.optimizer=adamw"]).config.training.lr == 3e-4
        with pytest.raises(ConfigError, match=r"training: lr is 0\.0003, expected 0\.1 to 10, usually 1"):
            load_config(path, ["training.lr=3e-4"])
        with pytest.raises(ConfigError, match=r"training: max_lr is 0\.002, expected 0\.1 to 10"):
            load_config(path, ["training.scheduler=onecycle", "training.max_lr=2e-3"])
        assert load_config(path, ["training.max_lr=2e-3"]).config.training.scheduler == "cosine"
        with pytest.raises(ConfigError, match=r"optimizer: found 'prodgy'.*did you mean 'prodigy'") as error:
            load_config(path, ["training.optimizer=prodgy"])
        assert len(str(error.value).splitlines()) == 1

    @pytest.mark.parametrize("scheduler", ["cosine", "onecycle"])
    def test_a_training_whose_resumption_is_exact(
        self, configure: Callable[..., TrainConfig], scheduler: str
    ) -> None:
        changes = ("training.optimizer=prodigy", "training.lr=1", f"training.scheduler={scheduler}",
                   "checkpoint.save_artifacts=false")  # fmt: skip
        whole = train(configure(*changes, "training.epochs=3", "mlflow.run_name=whole"))
        with pytest.MonkeyPatch.context() as patch:
            stop_at_step(patch, 5)
            train(configure(*changes, "training.epochs=3", "mlflow.run_name=parts"))
        parts = train(
            configure(*changes, "training.epochs=3", "mlflow.run_name=parts", "checkpoint.resume_from=auto")
        )
        first, second = (read_checkpoint(run.checkpoint_last) for run in (whole, parts))
        for key in ("model", "ema_model"):
            assert all(torch.equal(value, second[key][name]) for name, value in first[key].items())
        found = [group["d"] for group in first["optimizer"]["param_groups"]]
        assert found == [group["d"] for group in second["optimizer"]["param_groups"]]
        assert found[0] > 2 * 1e-6

    def test_without_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "prodigyopt", None)
        with pytest.raises(
            TrainError, match=r"prodigy needs a package .* pip install 'xec-train\[prodigy\]'"
        ):
            build_optimizer(linear(), TrainingConfig(optimizer="prodigy"))


class TestMuon:
    MUON = TrainingConfig(optimizer="muon", lr=0.01, weight_decay=0.1)

    def test_a_step_for_matrices_has_the_same_size_in_all_directions(self) -> None:
        torch.manual_seed(0)
        network = nn.Linear(20, 10)
        before = network.weight.detach().clone()
        optimizer = build_optimizer(network, self.MUON)
        directions = [torch.linalg.qr(torch.randn(n, 10))[0] for n in (10, 20)]
        gradient = directions[0] @ torch.diag(torch.logspace(0, -1.5, 10)) @ directions[1].T
        (network.weight * gradient).sum().backward()
        optimizer.step()
        step = before * (1 - 0.01 * 0.1) - network.weight.detach()
        sizes = torch.linalg.svdvals(step) / (0.01 * 0.2 * 20**0.5)
        assert sizes.min() > 0.5
        assert sizes.max() < 1.5
        # Along the gradient, direction by direction.
        along = (directions[0].T @ step @ directions[1]).diagonal()
        torch.testing.assert_close(along / step.norm() * 10**0.5, torch.ones(10), atol=0.4, rtol=0)

    def test_everything_else_is_updated_by_adamw(self) -> None:
        trained = []
        for config in (self.MUON, TrainingConfig(lr=0.01, weight_decay=0.1)):
            torch.manual_seed(0)
            network = nn.Sequential(nn.Conv1d(1, 4, 3), nn.LayerNorm(1), nn.Flatten(), nn.Linear(4, 2))
            optimizer = build_optimizer(network, config)
            first, last = network[0], network[3]
            assert isinstance(first, nn.Conv1d)
            assert isinstance(last, nn.Linear)
            matrix = last.weight.detach().clone()
            for _ in range(3):
                optimizer.zero_grad()
                # A gradient that does not depend on the matrix.
                (first.weight.sum() ** 2 + last.bias.sum() ** 3 + last.weight.sum()).backward()
                optimizer.step()
            assert not torch.equal(matrix, last.weight)
            trained.append((first.weight.detach(), first.bias, last.bias.detach(), last.weight.detach()))
        for one, other in zip(trained[0][:3], trained[1][:3], strict=True):
            assert one is not None
            assert other is not None
            torch.testing.assert_close(one, other)
        assert not torch.allclose(trained[0][3], trained[1][3])

    def test_a_schedule_reaches_all_parameters_also_after_loading(self) -> None:
        network = linear()
        optimizer = build_optimizer(network, self.MUON)
        steps(network, optimizer, 2)
        again = build_optimizer(network, self.MUON)
        again.load_state_dict(optimizer.state_dict())
        for group in again.param_groups:
            group["lr"] = 0.0
        before = numbers(network)
        steps(network, again, 2)
        assert torch.equal(numbers(network), before)

    def test_a_training_whose_resumption_is_exact(self, configure: Callable[..., TrainConfig]) -> None:
        changes = ("training.optimizer=muon", "checkpoint.save_artifacts=false", "training.epochs=3")
        whole = train(configure(*changes, "mlflow.run_name=whole"))
        with pytest.MonkeyPatch.context() as patch:
            stop_at_step(patch, 5)
            train(configure(*changes, "mlflow.run_name=parts"))
        parts = train(configure(*changes, "mlflow.run_name=parts", "checkpoint.resume_from=auto"))
        first, second = (read_checkpoint(run.checkpoint_last) for run in (whole, parts))
        for key in ("model", "ema_model"):
            assert all(torch.equal(value, second[key][name]) for name, value in first[key].items())

    @pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
    def test_it_agrees_with_that_of_torch(self, shape: tuple[int, int]) -> None:
        if not hasattr(torch.optim, "Muon"):
            pytest.skip("torch has no Muon before 2.9")
        trained = []
        for build in (
            lambda groups: Muon(groups, 0.02),
            lambda groups: torch.optim.Muon(groups, lr=0.02, adjust_lr_fn="match_rms_adamw"),
        ):
            generator = torch.Generator().manual_seed(0)
            matrix = nn.Parameter(torch.randn(shape, generator=generator))
            start = matrix.detach().clone()
            optimizer = build([{"params": [matrix], "weight_decay": 0.1}])
            for _ in range(6):
                matrix.grad = torch.randn(shape, generator=generator)
                optimizer.step()
            trained.append(matrix.detach() - start)
        # It computes in bfloat16, with three digits.
        assert (trained[0] - trained[1]).norm() < 0.02 * trained[1].norm()

    def test_the_singular_values_of_a_step_are_near_one_in_either_arithmetic(self) -> None:
        matrix = torch.randn(20, 50, generator=torch.Generator().manual_seed(0))
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        for dtype in (torch.float32, torch.bfloat16):
            found = orthogonalized(matrix, dtype)
            assert (u.t() @ found @ v.t()).diagonal().sub(1).abs().max() < 0.4, dtype
            torch.testing.assert_close(orthogonalized(matrix.t(), dtype), found.t())


def stop_at_step(patch: pytest.MonkeyPatch, number: int) -> None:
    """Interrupt trainings in the middle of an epoch: what an optimizer remembers is part of the state."""
    step = TrainLoop.step

    def stopping(loop: TrainLoop, window: Any) -> Tensor:
        loop.interruption.requested = loop.state.progress.step == number
        return step(loop, window)

    patch.setattr(TrainLoop, "step", stopping)


def numbers_of(state: dict[str, Tensor]) -> Tensor:
    return torch.cat([value.double().flatten() for value in state.values()])


@pytest.mark.parametrize(
    ("amp", "on_gpu", "has_bfloat16", "expected"),
    [
        (True, True, True, "bf16-mixed"),
        (True, True, False, "16-mixed"),
        (False, True, True, "32-true"),
        (True, False, False, "32-true"),
        (True, False, True, "32-true"),
    ],
)
def test_precision(amp: bool, on_gpu: bool, has_bfloat16: bool, expected: str) -> None:
    assert choose_precision(amp, on_gpu=on_gpu, has_bfloat16=has_bfloat16) == expected


class TestSeeds:
    def weights(self, configure: Callable[..., TrainConfig], name: str, seed: int) -> Tensor:
        run = train(configure(
            f"training.seed={seed}", f"mlflow.run_name={name}", "training.epochs=1",
            "training.deterministic=true", "checkpoint.save_artifacts=false",
        ))  # fmt: skip
        return numbers_of(read_checkpoint(run.checkpoint_last)["model"])

    def test_the_same_seed_gives_the_same_weights_and_another_one_others(
        self, configure: Callable[..., TrainConfig]
    ) -> None:
        try:
            first, again, other = (self.weights(configure, *run) for run in (("a", 1), ("b", 1), ("c", 2)))
        finally:
            torch.use_deterministic_algorithms(False)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
