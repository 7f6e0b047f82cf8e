"""Errors that stop a training before it begins: one line, and no run directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xec_geometry import N_SENSORS
from xec_geometry.errors import XecError
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.processes.group import Processes
from xec_train.runs.preparation import prepare
from xec_train.runs.training import train

WriteEvents = Callable[..., Path]
Configure = Callable[..., TrainConfig]
N = 20


def refusal(config: TrainConfig) -> str:
    with pytest.raises(XecError) as caught:
        train(config)
    assert not Path("artifacts").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nan_truth_names_file_branch_and_entry(write_events: WriteEvents, configure: Configure) -> None:
    energy = np.full(N, 0.05, np.float32)
    energy[13] = np.nan
    good, bad = write_events("good.root", N), write_events("bad.root", N, 3, energyTruth=energy)
    message = refusal(configure("tasks.energy.enabled=true", f"data.train_path=[{good}, {bad}]"))
    assert "bad.root" in message
    assert "'energyTruth'" in message
    assert "entry 13" in message


def test_truth_that_no_task_needs_may_be_missing(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N, energyTruth=np.full(N, np.nan, np.float32))
    assert prepare(configure(files=(path, path)), Processes(), Display()).training.n_events == N


def test_truth_outside_the_fiducial_volume_does_not_matter(
    write_events: WriteEvents, configure: Configure
) -> None:
    uvw = np.zeros((N, 3), np.float32)
    energy = np.full(N, 0.05, np.float32)
    uvw[4, 0], energy[4] = 25.0, 1e10
    uvw[9] = np.nan
    path = write_events("a.root", N, uvwTruth=uvw, energyTruth=energy)
    config = configure("tasks.energy.enabled=true", "data.fiducial.enabled=true", files=(path, path))
    events = prepare(config, Processes(), Display()).training
    assert (events.n_events, events.n_stored) == (N - 2, N)
    assert len(events.truth["energyTruth"]) == N - 2


def test_kept_events_are_printed(
    write_events: WriteEvents, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    uvw = np.zeros((N, 3), np.float32)
    uvw[:5, 2] = -1.0
    path = write_events("a.root", N, uvwTruth=uvw)
    prepare(configure("data.fiducial.enabled=true", files=(path, path)), Processes(), Display())
    assert "training: 15 events in 1 file, 5 of 20 lie outside the fiducial volume" in capsys.readouterr().out


def test_no_event_in_the_fiducial_volume(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N)
    message = refusal(configure("data.fiducial.enabled=true", "data.fiducial.w_min=50", files=(path, path)))
    assert "none of the 20 events" in message
    assert "50 ≤ w" in message


def test_all_readings_invalid(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N, npho=np.full((N, N_SENSORS), 1e10, np.float32))
    assert "invalid" in refusal(configure(files=(path, path)))


def test_wrong_unit_of_the_angles(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N)
    message = refusal(configure("data.angle_unit=deg", files=(path, path)))
    assert "emiVec says rad" in message


def test_missing_file_tree_and_branch(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N)
    assert "nowhere.root" in refusal(configure(f"data.val_path={path.with_name('nowhere.root')}"))
    assert "'three'" in refusal(configure("data.tree_name=three", files=(path, path)))
    assert "timeTruth" in refusal(configure("tasks.timing.enabled=true", files=(path, path)))


def test_class_that_does_not_exist(write_events: WriteEvents, configure: Configure) -> None:
    path = write_events("a.root", N, n_gamma=np.arange(N, dtype=np.int32))
    message = refusal(configure("tasks.n_gamma.enabled=true", files=(path, path)))
    assert "values from 0 to 19; expected classes 0 to 4" in message


@pytest.mark.parametrize("change", ["tasks.energy.loss_fn=relative_l1", "tasks.energy.log_transform=true"])
def test_relative_loss_of_zero_energy(write_events: WriteEvents, configure: Configure, change: str) -> None:
    path = write_events("a.root", N, energyTruth=np.zeros(N, np.float32))
    message = refusal(configure("tasks.energy.enabled=true", change, files=(path, path)))
    assert "the smallest value is 0; expected only positive ones" in message
    assert change.partition("=")[0] in message


def test_folder_that_cannot_be_written(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "file" in refusal(configure("checkpoint.save_dir=file/artifacts"))
