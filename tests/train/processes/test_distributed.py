"""Two processes against one: the same gradients, numbers and files; interrupted, resumed, and failing."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.once import once
from tests.train.recorded import metrics
from tests.train.two_processes import (
    TORCHRUN,
    do_alone,
    do_in_two,
    job,
    prepare,
    reported,
    run_of,
    torchrun,
)

from xec_data.reading.columns import read_columns
from xec_train.processes.group import destroy_process_group

pytestmark = pytest.mark.slow

SIZES = (31, 19, 11)
N_EVENTS, N_VALIDATION = sum(SIZES), 13

# A whole epoch is one step, of which one process makes one batch, and each of two four small ones: the same
# events, in batches that are not equally large.
WHOLE = (
    "training.grad_accum_steps=4", "training.epochs=3", "training.channel_dropout_rate=0", "training.lr=1e-2",
    "training.scheduler=none", "training.warmup_epochs=0",
)  # fmt: skip
EXACT = (
    *WHOLE,
    "tasks.energy.enabled=true", "tasks.energy.loss_fn=gaussian_nll", "tasks.uvwFI.enabled=true",
    "loss_balance=auto", "reweighting.energy.enabled=true", "reweighting.energy.nbins=4",
)  # fmt: skip
ALONE, SHARED = ("data.batch_size=64",), ("data.batch_size=8",)
QUICK = ("checkpoint.save_artifacts=false",)
# Events differ in how many of their cells count, and how much. With larger steps rounding grows a
# hundredfold in each of them, in one process too: norms of cells that hold nothing but small biases.
MAE = (
    *WHOLE, *QUICK, "training.lr=1e-3", "training.ema_decay=0.9", "model.decoder_dim=8",
    "training.auto_channel_weight=true", "training.track_metrics=true", "training.track_mae_rmse=true",
    "training.time.npho_threshold=20", "training.npho_loss_weight.enabled=true",
    "training.intensity_reweighting.enabled=true", "training.intensity_reweighting.nbins=4",
)  # fmt: skip
STEPS = (*QUICK, "data.batch_size=4", "training.epochs=2")
# Anchored, and four events for one.
SYMMETRIC = ("model.anchor=light", "model.window=[8, 8]", "training.mirror=true")


def files(n: int) -> str:
    return f"data.train_path=[{', '.join(f'{i}.root' for i in range(n))}]"


# So few events pull at the network so hard that rounding grows: smaller steps.
FEW = (
    *("data.train_path=few.root", "training.lr=1e-3"),
    *(change for change in EXACT if not change.startswith(("tasks.energy.loss_fn", "training.lr="))),
)
SIMULATED = {
    **{f"{i}.root": n for i, n in enumerate(SIZES)},
    "val.root": N_VALIDATION,
    "few.root": 5,
    "single.root": 1,
}

FIRST_ALONE = [
    *(job(f"alone{n}", *EXACT, *ALONE, files(n), *(() if n == 3 else QUICK)) for n in (1, 2, 3)),
    job("one-two", *EXACT, *ALONE, *QUICK, "training.epochs=1"),
    job("few-alone", *FEW, *QUICK, "data.batch_size=3"),
    job("mae-alone", *MAE, *ALONE, config="mae.yaml"),
]
IN_TWO = [
    *(job(f"two{n}", *EXACT, *SHARED, files(n), *(() if n == 3 else QUICK)) for n in (1, 2, 3)),
    job("few", *FEW, *QUICK, "data.batch_size=4"),
    job("mae", *MAE, *SHARED, config="mae.yaml"),
    job("mae-parts", *MAE, *SHARED, "distributed.strategy=fsdp", config="mae.yaml"),
    job("one-two", *EXACT, *SHARED, *QUICK, "checkpoint.resume_from=auto"),
    job("two-one", *EXACT, *SHARED, *QUICK, "training.epochs=1"),
    job("whole", *STEPS, *SYMMETRIC, files(3), random=True),
    job("parts", *STEPS, *SYMMETRIC, files(3), random=True, signal=[1, 5], report="parts-1"),
    job("parts", *STEPS, *SYMMETRIC, files(3), "checkpoint.resume_from=auto", random=True),
    job("divided", *STEPS, *SYMMETRIC, files(3), "distributed.strategy=fsdp", random=True),
    job("stopped", *STEPS, signal=[1, 5]),
    job("often", *STEPS, "training.epochs=1", "checkpoint.every_minutes=1e-9"),
    job("limited", *STEPS, files(3), "data.batch_size=2", "training.epochs=50", "training.max_minutes=1",
                    "training.scheduler=cosine", seconds=[1.0, 700.0]),
    job("profiled", *STEPS, profile=2),
    job("lonely", *STEPS, "data.val_path=single.root"),
    job("unreadable", *STEPS, unreadable_in=1),
    job("exploding", *STEPS, "data.train_path=bad.root", "tasks.energy.enabled=true",
                      "tasks.energy.loss_fn=relative_mse", "training.max_bad_steps=1"),
]  # fmt: skip
THEN_ALONE = [
    job("two-one", *EXACT, *ALONE, *QUICK, "checkpoint.resume_from=auto"),
    job("stopped", *STEPS, "checkpoint.resume_from=auto"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    """Files of events, and a configuration."""
    path = tmp_path_factory.mktemp("several")
    prepare(path, SIMULATED, small)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small: tuple[str, ...]) -> Path:
    """Where all jobs have been done: some alone, then those of two processes, then some alone."""

    def fill(path: Path) -> None:
        prepare(path, SIMULATED, small)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(path)
            do_alone(FIRST_ALONE)
            Path("printed.txt").write_text(do_in_two(IN_TWO))
            with redirect_stdout(io.StringIO()) as printed:
                do_alone(THEN_ALONE)
            Path("printed-alone.txt").write_text(printed.getvalue())

    return once(tmp_path_factory, "several", fill)


def assert_agree(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert second.keys() == first.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    ("alone", "in_two"),
    [
        *(("alone1", "two1"), ("alone2", "two2"), ("alone3", "two3"), ("few-alone", "few")),
        *(("mae-alone", "mae"), ("mae-alone", "mae-parts")),
    ],
)
def test_gradient_weights_average_and_numbers_are_those_of_one_process(
    folder: Path, alone: str, in_two: str
) -> None:
    gradients = [torch.load(folder / f"{name}.gradient.pt") for name in (alone, in_two)]
    scale = float(gradients[0].abs().max())
    # Other batches make up to 2e-5 of the norm in one process already, by rounding; more in biases that sum
    # over thousands of cells. What the gradients lead to agrees better, below.
    torch.testing.assert_close(gradients[0] / scale, gradients[1] / scale, rtol=0, atol=1e-4)
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 2e-5

    one, two = (run_of(folder, name) for name in (alone, in_two))
    first, second = (read_checkpoint(run.checkpoint_last) for run in (one, two))
    assert_agree(first["model"], second["model"])
    assert_agree(first["ema_model"], second["ema_model"])
    assert second["step"] == first["step"] == 3
    numbers, expected = metrics(two), metrics(one)
    assert numbers.keys() == expected.keys()
    timed = ("system/",)
    for name in (name for name in expected if not name.startswith(timed)):
        assert numbers[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name
    assert numbers["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
    assert numbers["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-5)


def test_results_are_in_the_order_of_the_file(folder: Path) -> None:
    one, two = (read_columns(run_of(folder, name).validation_results) for name in ("alone3", "two3"))
    assert one.keys() == two.keys()
    assert two["event"].tolist() == one["event"].tolist()
    assert len(two["event"]) == N_VALIDATION
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("name", "n"), [("two1", 1), ("two2", 2), ("two3", 3), ("few", None), ("whole", 3)])
def test_every_event_once_an_epoch_and_equally_many_batches(folder: Path, name: str, n: int | None) -> None:
    told = reported(folder, name)
    assert all(part["is_distributed"] and part["error"] is None for part in told)
    n_batches = {len(part["seen"]) for part in told}
    assert len(n_batches) == 1
    epochs = read_checkpoint(run_of(folder, name).checkpoint_last)["epoch"]
    per_epoch = n_batches.pop() // epochs
    sizes = SIZES[:n] if n else [5]
    first_run = list(SIMULATED).index("few.root") if n is None else 0
    expected = sorted((first_run + run, event) for run, size in enumerate(sizes) for event in range(size))
    for epoch in range(epochs):
        batches = [part["seen"][epoch * per_epoch : (epoch + 1) * per_epoch] for part in told]
        assert sorted(map(tuple, chain.from_iterable(chain.from_iterable(batches)))) == expected
        assert min(len(batch) for part in batches for batch in part) >= 1


def test_the_clock_of_the_first_process_limits_all(folder: Path) -> None:
    told = reported(folder, "limited")
    assert all(part["error"] is None for part in told)
    # A minute of steps of one second, by the clock of the first.
    assert [len(part["seen"]) for part in told] == [60, 60]
    run = run_of(folder, "limited")
    assert read_checkpoint(run.checkpoint_last)["timing"]["seconds"] == 60.0
    assert metrics(run)["lr"][-1] == pytest.approx(1e-6, rel=0.1)
    assert (folder / "printed.txt").read_text().count("were enough for 3.75 of 50 epochs") == 1


@pytest.mark.parametrize("name", ["one-two", "two-one"])
def test_another_number_of_processes_goes_on(folder: Path, name: str) -> None:
    whole, resumed = (read_checkpoint(run_of(folder, run).checkpoint_last) for run in ("alone1", name))
    assert resumed["epoch"] == whole["epoch"] == 3
    assert resumed["sampler"]["world"] == (2 if name == "one-two" else 1)
    assert_agree(whole["model"], resumed["model"])
    assert_agree(whole["ema_model"], resumed["ema_model"])


def test_interrupted_and_resumed_is_uninterrupted(folder: Path) -> None:
    # The signal reached the second process only, in the sixth of sixteen steps: with random numbers.
    told = reported(folder, "parts-1")
    assert len(told[0]["seen"]) == len(told[1]["seen"]) == 7
    whole, parts = (read_checkpoint(run_of(folder, name).checkpoint_last) for name in ("whole", "parts"))
    for key in ("model", "ema_model"):
        assert all(torch.equal(value, parts[key][name]) for name, value in whole[key].items())
    for first, second in zip(whole["processes"], parts["processes"], strict=True):
        assert torch.equal(first["rng"]["torch"], second["rng"]["torch"])
    assert not torch.equal(*(part["rng"]["torch"] for part in whole["processes"]))
    numbers, expected = (metrics(run_of(folder, name)) for name in ("parts", "whole"))
    for name in ("train_loss", "val_loss", "val_resolution_deg"):
        assert numbers[name] == expected[name]


def test_an_anchor_divided_among_processes_is_calibrated_as_a_whole_one(folder: Path) -> None:
    assert all(part["error"] is None for part in reported(folder, "divided"))
    whole, divided = (read_checkpoint(run_of(folder, name).checkpoint_last) for name in ("whole", "divided"))
    calibrations = [name for name in whole["model"] if name.startswith("anchor.reconstruction.")]
    assert len(calibrations) > 10
    for name in calibrations:
        assert torch.equal(whole["model"][name], divided["model"][name]), name
    numbers, expected = (metrics(run_of(folder, name)) for name in ("divided", "whole"))
    assert numbers["val_loss"] == pytest.approx(expected["val_loss"], rel=0.05)


def test_in_the_middle_of_an_epoch_another_number_of_processes_restarts_it(folder: Path) -> None:
    assert "number of processes differ" in (folder / "printed-alone.txt").read_text()
    checkpoint = read_checkpoint(run_of(folder, "stopped").checkpoint_last)
    assert checkpoint["epoch"] == 2
    # Seven steps of two processes, then the eight of the second epoch; the rate is that of the end.
    assert checkpoint["step"] == 7 + 8
    assert checkpoint["scheduler"]["last_epoch"] == 2 * 8


def test_checkpoints_within_an_epoch_are_agreed_on(folder: Path) -> None:
    assert [part["error"] for part in reported(folder, "often")] == [None, None]
    assert len(read_checkpoint(run_of(folder, "often").checkpoint_last)["processes"]) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lonely", "validation: 1 events for 2 processes; expected at least one for each"),
        ("unreadable", "train.root: cannot be read here (in process 2 of 2, on "),
        ("exploding", "1 steps in a row had no finite loss or gradient"),
    ],
)
def test_all_processes_have_the_same_error_and_one_tells_it(folder: Path, name: str, message: str) -> None:
    first, second = (part["error"] for part in reported(folder, name))
    assert message in first
    assert first.startswith("TrainError: ")
    assert second == first.replace("TrainError", "ReportedElsewhereError")
    assert run_of(folder, name).path.exists() == (name == "exploding")


def test_the_event_that_did_it_is_named_whoever_had_it(folder: Path) -> None:
    with run_of(folder, "exploding").bad_events.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert "7" in [row["event"] for row in rows]
    assert {row["loss"] for row in rows} <= {"nan", "inf"}


def test_one_process_speaks(folder: Path) -> None:
    printed = (folder / "printed.txt").read_text()
    assert printed.count("epoch   1/3  train") == 6
    assert "the checkpoint was written by 1 process, now there are 2" in printed


def test_a_profile_is_that_of_the_first_process(folder: Path) -> None:
    assert [part["error"] for part in reported(folder, "profiled")] == [None, None]
    assert (folder / "profile_profiled.json").is_file()
    assert (folder / "printed.txt").read_text().count("where the time of 2 steps went") == 1
    # Two steps to warm up and two that are measured, in both of them.
    assert [len(part["seen"]) for part in reported(folder, "profiled")] == [4, 4]


class TestCommand:
    """`xec train` as a user starts it."""

    XEC = str(Path(sys.executable).with_name("xec"))

    def test_a_wrong_configuration_is_told_once(self, prepared: Path) -> None:
        done = torchrun(prepared, "--no-python", self.XEC, "train", "run.yaml", "training.lr=fast")
        assert done.returncode != 0
        assert done.stderr.count("xec: error: ") == 1
        assert "training.lr: found 'fast'" in done.stderr
        assert "exitcode  : 2" in done.stderr

    def interrupt(self, prepared: Path, name: str, action: Callable[[int], None]) -> tuple[str, str]:
        """Start a long training, do something to torchrun after an epoch, and see what is printed."""
        words = ("train", "run.yaml", "training.epochs=500", f"mlflow.run_name={name}", *QUICK)
        with subprocess.Popen(
            [*TORCHRUN, "--no-python", self.XEC, *words],
            cwd=prepared, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            printed = []
            for line in process.stdout:
                printed.append(line)
                if line.startswith("epoch "):
                    action(process.pid)
                    break
            rest, errors = process.communicate(timeout=60)
        return "".join(printed) + rest, errors

    def test_sigterm_to_torchrun_leaves_a_checkpoint(self, prepared: Path) -> None:
        text, errors = self.interrupt(prepared, "ended", lambda pid: os.kill(pid, signal.SIGTERM))
        assert text.count("; to resume:") == 1
        assert "checkpoint.resume_from=artifacts/ended/checkpoint_last.pth" in text
        assert errors.count("SIGTERM: stopping after this step") == 1
        assert "xec: error" not in errors
        checkpoint = read_checkpoint(run_of(prepared, "ended").checkpoint_last)
        assert checkpoint["epoch"] < 500
        assert len(checkpoint["processes"]) == 2

    def test_a_process_that_dies_does_not_leave_the_other_waiting(self, prepared: Path) -> None:
        def kill_second(pid: int) -> None:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ranks = {child: Path(f"/proc/{child}/environ").read_text() for child in children}
            (second,) = (int(child) for child, variables in ranks.items() if "\0RANK=1\0" in variables)
            os.kill(second, signal.SIGKILL)

        _, errors = self.interrupt(prepared, "killed", kill_second)
        # torchrun may be faster to end the other one than that one is to notice.
        assert errors.count("xec: error: process 1 of 2 lost the connection to another one") <= 1
        assert "Signal 9 (SIGKILL)" in errors
        assert read_checkpoint(run_of(prepared, "killed").checkpoint_last)["epoch"] >= 1

    def test_srun_and_an_error_on_one_of_its_nodes(self, prepared: Path, tmp_path: Path) -> None:
        """The variables that srun sets, on two "nodes" of which one does not see the same files."""
        for name in ("0.root", "val.root", "run.yaml"):
            (tmp_path / name).symlink_to(prepared / name)
        (tmp_path / "1.root").write_bytes(b"nothing")

        def start(rank: int, folder: Path, *changes: str) -> subprocess.Popen[str]:
            variables = {
                "SLURM_JOB_ID": str(os.getpid()), "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2",
                "SLURM_STEP_TASKS_PER_NODE": "1(x2)", "SLURM_NNODES": "2", "SLURM_NODELIST": "127.0.0.1",
                "SLURM_PROCID": str(rank), "SLURM_LOCALID": "0", "SLURM_NODEID": str(rank),
            }  # fmt: skip
            return subprocess.Popen(
                [self.XEC, "train", "run.yaml", "training.epochs=1", *QUICK, *changes],
                cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip

        for changes, status in ((["mlflow.run_name=srun"], 0), (["data.train_path=1.root"], 2)):
            started = [start(rank, folder, *changes) for rank, folder in enumerate((prepared, tmp_path))]
            told = [process.communicate(timeout=60) for process in started]
            assert [process.returncode for process in started] == [status] * 2, told
            assert told[1][0] == ""
        assert len(read_checkpoint(run_of(prepared, "srun").checkpoint_last)["processes"]) == 2
        assert told[0][1].startswith("xec: error: 1.root")
        assert "(in process 2 of 2, on " in told[0][1]
        assert "xec: error" not in told[1][1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux only")
def test_no_thread_of_a_process_that_ends_is_left(tmp_path: Path) -> None:
    def n_threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    destroy_process_group()
    before = n_threads()
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    network = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(2, 2))
    object.__setattr__(network, "itself", network)
    network(torch.ones(1, 2)).sum().backward()
    del network
    assert n_threads() > before
    destroy_process_group()
    assert not torch.distributed.is_initialized()
    assert n_threads() <= before
