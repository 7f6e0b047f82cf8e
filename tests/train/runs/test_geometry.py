"""Trainings with the detector as built: positions in the checkpoint, reflections and other tables refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.displaced import SURVEY, displaced, write_table

from xec_geometry import geometry_hash
from xec_geometry.errors import GeometryError
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.reading import read_checkpoint
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
BUILT = displaced()
QUICK = (
    "tasks.uvwFI.enabled=true",
    "model.anchor=light",
    "model.inner_pool=[31, 11]",
    "training.epochs=1",
    "checkpoint.save_artifacts=false",
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of displaced sensors."""
    return write_table(tmp_path / "built.txt", BUILT, SURVEY)


def test_a_checkpoint_needs_no_table(configure: Configure, table: Path, tmp_path: Path) -> None:
    run = train(configure(*QUICK, f"geometry={table}"))
    before = load_model(run.checkpoint_last)
    other = write_table(tmp_path / "other.txt", displaced(seed=4), SURVEY)
    resumed = f"checkpoint.resume_from={run.checkpoint_last}"
    with pytest.raises(
        TrainError, match=r"which it should continue: geometry is .*other\.txt .* there .*built"
    ):
        train(configure(*QUICK, f"geometry={other}", resumed))
    table.unlink()
    content, after = read_checkpoint(run.checkpoint_last), load_model(run.checkpoint_last)
    assert content.provenance.geometry_hash == geometry_hash(table=BUILT)
    np.testing.assert_array_equal(after.geometry.positions, BUILT.positions)
    npho = torch.from_numpy(np.random.default_rng(1).gamma(1.0, 500.0, (2, len(BUILT.positions)))).float()
    with torch.inference_mode():
        assert torch.equal(before(npho, npho * 1e-11)["uvwFI"], after(npho, npho * 1e-11)["uvwFI"])


def test_a_training_goes_on_when_the_table_is_gone(
    configure: Configure, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(configure(*QUICK, f"geometry={table}"))
    table.unlink()
    resumed = (*QUICK[:-2], "training.epochs=2", "checkpoint.save_artifacts=false")
    resumed = (*resumed, f"checkpoint.resume_from={run.checkpoint_last}")
    train(configure(*resumed, f"geometry={table}"))
    assert f"geometry: {table} is gone; the positions in {run.checkpoint_last}" in capsys.readouterr().out
    after = read_checkpoint(run.checkpoint_last)
    assert after.epoch == 2
    np.testing.assert_array_equal(after.geometry.positions, BUILT.positions)
    # Of another name, it is none that the checkpoint knows.
    with pytest.raises(GeometryError, match=r"no such geometry: nowhere\.txt"):
        train(configure(*resumed, "geometry=nowhere.txt"))


def test_reflections_need_a_symmetric_detector(configure: Configure, table: Path) -> None:
    with pytest.raises(TrainError, match=r"training\.mirror is true, .* set training\.mirror to false"):
        train(configure(*QUICK, f"geometry={table}", "training.mirror=true"))


def test_a_missing_table_is_told(configure: Configure) -> None:
    with pytest.raises(GeometryError, match=r"no such geometry: nowhere\.txt"):
        train(configure(*QUICK, "geometry=nowhere.txt"))
