"""What befalls a training from outside: files that change, reading processes that die, spoilt events."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.train.recorded import metrics

from xec_data import DataError
from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
WriteEvents = Callable[..., Path]
QUICK = ("checkpoint.save_artifacts=false", "mlflow.run_name=run")


class Fault(Display):
    """Does something after the first epoch, whose checkpoint has been written then."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self.action = action

    def epoch(self, number: int, *arguments: Any) -> None:
        super().epoch(number, *arguments)
        if number == 1:
            self.action()


@pytest.fixture
def files(write_events: WriteEvents) -> tuple[Path, Path]:
    """Files for training and validation, written some time ago."""
    paths = write_events("train.root", 64), write_events("val.root", 16)
    for path in paths:
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return paths


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_replaced_ends_the_training_and_not_silently(
    configure: Configure,
    files: tuple[Path, Path],
    write_events: WriteEvents,
    capsys: pytest.CaptureFixture[str],
    which: int,
) -> None:
    path, other = files[which], write_events("other.root", 64)
    config = configure(*QUICK, "training.epochs=3", files=files)
    with pytest.raises(DataError, match=rf"{path.name} was changed while it was in use") as error:
        train(config, display=Fault(lambda: other.replace(path)))
    assert len(str(error.value).splitlines()) == 1
    run = RunDirectory(Path("artifacts/run"))
    assert read_checkpoint(run.checkpoint_last)["epoch"] == 1
    # Going on with another file is a decision of the user, who is told.
    capsys.readouterr()
    last = f"checkpoint.resume_from={run.checkpoint_last}"
    train(configure(*QUICK, "training.epochs=2", last, files=files))
    told = f"warning: {path.resolve()} is another file than when this training began to read it"
    assert capsys.readouterr().out.count(told) == 1
    # Between two starts it may also have been cut.
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataError, match=rf"{path.name} is truncated"):
        train(configure(*QUICK, "training.epochs=3", last, files=files))


def test_a_reading_process_that_is_killed(configure: Configure, files: tuple[Path, Path]) -> None:
    def kill() -> None:
        reading = multiprocessing.active_children()
        assert reading
        for process in reading:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)

    config = configure(*QUICK, "training.epochs=3", "data.num_workers=1", files=files)
    with pytest.raises(TrainError, match=r"^the reading process \d+ .*resume_from=auto continues\)$"):
        train(config, display=Fault(kill))
    assert read_checkpoint(RunDirectory(Path("artifacts/run")).checkpoint_last)["epoch"] == 1


SPOILT = (np.nan, np.inf, -np.inf, 1e30, -1e30, INVALID, 8.9e9, -500.0, 0.0)


def spoilt_events(write: WriteEvents, name: str, n: int) -> Path:
    """Events of which some have such photons, times or both, in one sensor, in many, or in all."""
    rng = np.random.default_rng(n)
    npho = rng.gamma(1.0, 500.0, (n, N_SENSORS)).astype(np.float32)
    time = rng.uniform(0, 1e-8, (n, N_SENSORS)).astype(np.float32)
    some = rng.random(N_SENSORS) < 0.3
    where = [slice(100, 101), some, slice(None)]
    for i, value in enumerate(SPOILT):
        event = 2 * i % n
        npho[event, where[i % 3]] = time[event, where[i % 3]] = value
        npho[(event + 1) % n, where[(i + 1) % 3]] = value
    return write(name, n, npho=npho, relative_time=time, timeTruth=np.zeros(n, np.float32))


OBJECTIVES = {
    "plain": ("tasks.energy.enabled=true", "model.anchor=none", "model.window=null"),
    "anchored": (
        *("tasks.energy.enabled=true", "tasks.uvwFI.enabled=true", "tasks.timing.enabled=true"),
        *("model.anchor=light", "model.window=[8, 8]", "model.inner_pool=[31, 11]"),
    ),
    "autoencoder": ("objective=mae", "model.decoder_dim=8"),
    "inpainting": ("objective=inpainting",),
}


@pytest.mark.parametrize("changes", OBJECTIVES.values(), ids=OBJECTIVES)
def test_spoilt_events_leave_all_numbers_finite(
    configure: Configure, write_events: WriteEvents, changes: tuple[str, ...]
) -> None:
    files = spoilt_events(write_events, "train.root", 72), spoilt_events(write_events, "val.root", 24)
    run = train(configure(*QUICK, "training.epochs=1", *changes, files=files))
    checkpoint = read_checkpoint(run.checkpoint_last)
    for part in ("model", "ema_model"):
        for name, values in (checkpoint[part] or {}).items():
            assert torch.isfinite(values).all(), name
    numbers = metrics(run)
    assert numbers["bad_steps"] == [0.0]
    assert np.isfinite([*numbers["train_loss"], *numbers["val_loss"]]).all()
