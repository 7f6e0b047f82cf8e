"""Weights divided among two processes: the training of one process or of copies, and files for both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.once import once
from tests.train.recorded import metrics
from tests.train.two_processes import do_alone, do_in_two, job, prepare, reported, run_of

from xec_train.config.train_config import TrainConfig
from xec_train.engine.optimization.optimizers import OPTIMIZERS
from xec_train.errors import ConfigError, TrainError
from xec_train.processes.group import Processes
from xec_train.processes.sharding import Sharded
from xec_train.runs.training import train

pytestmark = pytest.mark.slow

FSDP = ("distributed.strategy=fsdp",)
QUICK = ("checkpoint.save_artifacts=false",)
GO_ON = ("checkpoint.resume_from=auto",)
ONE_EPOCH = ("training.epochs=1",)

# A whole epoch is one step, of which one process makes one batch, and each of two four small ones.
EXACT = (
    *("training.grad_accum_steps=4", "training.epochs=2", "training.channel_dropout_rate=0"),
    *("training.lr=1e-2", "training.scheduler=none", "training.warmup_epochs=0", "training.grad_clip=0.5"),
    *("tasks.energy.enabled=true", "tasks.uvwFI.enabled=true", "loss_balance=auto"),
)
ALONE, SHARED = (*EXACT, "data.batch_size=64"), (*EXACT, "data.batch_size=8")
# AdamW in four steps, and dropout: what is random is the same for processes with copies and with parts. The
# norm of the gradient is summed in another order over parts, so that clipping rounds differently; norms of
# cells that hold nothing but small biases make that grow a hundredfold in each step: in double precision it
# stays small. With its usual eps AdamW would make whole steps of gradients that are zero but for rounding.
STEPS = (*QUICK, *ONE_EPOCH, "data.batch_size=4", "training.scheduler=none", "training.warmup_epochs=0")
ADAMW = {"random": True, "eps": 1e-2, "double": True}
DOUBLE = 1e-10
BAD = (
    *(*STEPS, "data.train_path=bad.root", "training.ema_decay=null"),
    *("tasks.energy.enabled=true", "tasks.energy.loss_fn=relative_mse"),
)

FIRST_ALONE = [job("alone", *ALONE), job("one-fsdp", *ALONE, *QUICK, *ONE_EPOCH)]
IN_TWO = [
    job("fsdp", *SHARED, *FSDP),
    job("one-fsdp", *SHARED, *QUICK, *FSDP, *GO_ON),
    job("fsdp-one", *SHARED, *QUICK, *FSDP, *ONE_EPOCH),
    job("copies", *STEPS, **ADAMW, held=True),
    job("parts", *STEPS, *FSDP, **ADAMW, held=True),
    job("stopped", *STEPS, *FSDP, **ADAMW, signal=[1, 1]),
    job("stopped", *STEPS, *FSDP, *GO_ON, **ADAMW),
    job("fsdp-ddp", *STEPS, *FSDP, **ADAMW, signal=[0, 1]),
    job("fsdp-ddp", *STEPS, *GO_ON, **ADAMW),
    job("ddp-fsdp", *STEPS, **ADAMW, signal=[0, 1]),
    job("ddp-fsdp", *STEPS, *FSDP, *GO_ON, **ADAMW),
    job("bad-copies", *BAD, **ADAMW),
    job("bad-parts", *BAD, *FSDP, **ADAMW),
]
THEN_ALONE = [job("fsdp-one", *ALONE, *QUICK, *GO_ON)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    """Where all jobs have been done: some alone, then those of two processes, then one alone."""

    def fill(path: Path) -> None:
        prepare(path, {"train.root": 31, "val.root": 13}, small)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(path)
            do_alone(FIRST_ALONE)
            do_in_two(IN_TWO)
            for one in IN_TWO:
                told = reported(path, one["name"])
                assert all(part["is_distributed"] and part["error"] is None for part in told), (one, told)
            do_alone(THEN_ALONE)

    return once(tmp_path_factory, "sharded", fill)


def last(folder: Path, name: str) -> dict[str, Any]:
    return read_checkpoint(run_of(folder, name).checkpoint_last)


def moments(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    entries = checkpoint["optimizer"]["state"]
    return {f"{i}.{name}": value for i, entry in entries.items() for name, value in entry.items()}


def assert_agree(
    first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], tolerance: float = 1e-5
) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert type(second[name]) is torch.Tensor
        torch.testing.assert_close(second[name], value, rtol=tolerance, atol=tolerance, msg=name)


def test_parts_learn_what_one_process_learns(folder: Path) -> None:
    first, second = last(folder, "alone"), last(folder, "fsdp")
    assert second["step"] == first["step"] == 2
    assert_agree(first["model"], second["model"])
    assert_agree(first["ema_model"], second["ema_model"])
    numbers, expected = (metrics(run_of(folder, name)) for name in ("fsdp", "alone"))
    for name in ("train_loss", "val_loss", "val_resolution_deg", "loss_weight_energy"):
        assert numbers[name] == pytest.approx(expected[name], rel=1e-5), name
    assert run_of(folder, "fsdp").validation_results.exists()


@pytest.mark.parametrize("name", ["parts", "fsdp-ddp", "ddp-fsdp", "bad-parts"])
def test_parts_and_copies_agree_also_where_one_goes_on_from_the_other(folder: Path, name: str) -> None:
    like = "bad-copies" if "bad" in name else "copies"
    copies, parts = last(folder, like), last(folder, name)
    assert parts["step"] == copies["step"] == 4
    assert_agree(copies["model"], parts["model"], DOUBLE)
    assert (parts["ema_model"] is None) == (copies["ema_model"] is None) == ("bad" in name)
    if "bad" not in name:
        assert_agree(copies["ema_model"], parts["ema_model"], DOUBLE)
    assert_agree(moments(copies), moments(parts), DOUBLE)
    assert parts["optimizer"]["param_groups"] == copies["optimizer"]["param_groups"]
    numbers, expected = (metrics(run_of(folder, run))["val_loss"] for run in (name, like))
    assert numbers == pytest.approx(expected, rel=1e-5)


def test_a_process_keeps_its_part_only(folder: Path) -> None:
    copies, parts = ([told["held"] for told in reported(folder, name)] for name in ("copies", "parts"))
    assert copies[0] == copies[1]
    for whole, first, second in zip(copies[0], *parts, strict=True):
        assert first + second == whole
        assert max(first, second) < 0.55 * whole


def test_a_bad_step_is_skipped_by_all(folder: Path) -> None:
    for name in ("bad-copies", "bad-parts"):
        assert metrics(run_of(folder, name))["bad_steps"] == [1]
        # One step fewer than were tried.
        assert last(folder, name)["scheduler"]["last_epoch"] == 3
        assert {float(value) for key, value in moments(last(folder, name)).items() if ".step" in key} == {3}


@pytest.mark.parametrize("name", ["one-fsdp", "fsdp-one"])
def test_one_process_goes_on_from_parts_and_the_other_way_round(folder: Path, name: str) -> None:
    whole, resumed = last(folder, "alone"), last(folder, name)
    assert resumed["epoch"] == whole["epoch"] == 2
    assert_agree(whole["model"], resumed["model"])
    assert_agree(whole["ema_model"], resumed["ema_model"])


def test_interrupted_and_resumed_is_uninterrupted(folder: Path) -> None:
    whole, resumed = last(folder, "parts"), last(folder, "stopped")
    for key in ("model", "ema_model"):
        assert_agree(whole[key], resumed[key], tolerance=0)
    assert_agree(moments(whole), moments(resumed), tolerance=0)


def test_one_process_has_nothing_to_divide(
    configure: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    train(configure(*FSDP, *QUICK, "training.epochs=1"))
    printed = capsys.readouterr()
    assert "distributed.strategy: fsdp divides a network among processes; there is only one" in "".join(
        printed
    )


def fabric(**precision: Any) -> Any:
    return SimpleNamespace(
        device=torch.device("cpu"), strategy=SimpleNamespace(precision=SimpleNamespace(**precision))
    )


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(TrainError, match="fsdp needs GPUs that compute with bfloat16"):
        Sharded(fabric(scaler=object()), Processes())


@pytest.mark.parametrize("name", [name for name, choice in OPTIMIZERS.items() if not choice.divisible])
def test_an_optimizer_that_cannot_be_divided_is_a_wrong_configuration(
    configure: Callable[..., TrainConfig], name: str
) -> None:
    changes = (f"training.optimizer={name}", "training.scheduler=none", "training.lr=1")
    with pytest.raises(
        ConfigError, match=rf"training\.optimizer is '{name}', .*; expected 'adamw' because of"
    ):
        configure(*changes, "distributed.strategy=fsdp")
    assert configure(*changes, "distributed.strategy=ddp").training.optimizer == name
