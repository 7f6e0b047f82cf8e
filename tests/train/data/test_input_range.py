"""What the readings of a training look like, and files that look otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.file import simulate_file
from xec_train.config.train_config import TrainConfig
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]


def test_a_validation_file_in_other_units_is_told(
    tmp_path: Path, configure: Configure, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    faint = tmp_path / "faint.root"
    simulate_file(faint, SimulationConfig(seed=5, energy=(2e-4, 6e-4)), 64)
    train(configure("training.epochs=1", files=(event_files[0], faint)))
    line = next(line for line in capsys.readouterr().out.splitlines() if "warning" in line)
    assert line.startswith("warning: validation files: 100 % of the events are unlike those of the training")
    assert line.endswith("are the units the same?")


def test_a_file_for_both_is_told_and_other_files_are_not(
    configure: Configure, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    train(configure("training.epochs=1", files=(event_files[0], event_files[0])))
    assert "is a training and a validation file" in capsys.readouterr().out
    train(configure("training.epochs=1"))
    assert "warning" not in capsys.readouterr().out
