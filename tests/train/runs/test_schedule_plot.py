"""The picture of the planned learning rates, and what its steps rest on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_geometry.cli.application import main
from xec_train.config.train_config import TrainConfig
from xec_train.engine.optimization.learning_rates import SCHEDULES, learning_rate
from xec_train.runs.schedule_plot import plot_schedule, steps_per_epoch

Configure = Callable[..., TrainConfig]


@pytest.fixture
def curve(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is drawn."""
    from matplotlib.axes import Axes

    drawn: dict[str, Any] = {}
    original = Axes.stairs

    def stairs(axes: Any, values: Any, edges: Any, **style: Any) -> Any:
        drawn.update(values=values, edges=edges, axes=axes)
        return original(axes, values, edges, **style)

    monkeypatch.setattr(Axes, "stairs", stairs)
    return drawn


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_draws_the_rate_of_every_step(configure: Configure, curve: dict[str, Any], name: str) -> None:
    config = configure("data.batch_size=20", "training.grad_accum_steps=2", f"training.scheduler={name}")
    notes = plot_schedule(config, Path("rates.png"))
    # 64 events in batches of 20: four of them, two to a step.
    assert notes[0] == "2 steps in each of 2 epochs, counted from the training files"
    rate = learning_rate(config.training, 2)
    assert curve["values"].tolist() == [rate(step) for step in range(4)]
    np.testing.assert_allclose(curve["edges"], [0, 0.5, 1, 1.5, 2])
    assert Path("rates.png").read_bytes().startswith(b"\x89PNG")


def test_only_events_in_the_fiducial_volume_count(configure: Configure) -> None:
    cut = ("data.fiducial.enabled=true", "data.fiducial.u_max=5", "data.batch_size=1")
    assert 0 < steps_per_epoch(configure(*cut)) < steps_per_epoch(configure("data.batch_size=1")) == 64


def test_without_files_epochs_only(configure: Configure, curve: dict[str, Any]) -> None:
    notes = plot_schedule(configure(files=(Path("no.root"), Path("no.root"))), Path("rates.pdf"))
    assert notes[0].startswith("epochs only, the steps in them are not known: no such file: no.root")
    assert curve["axes"].get_xlabel() == "epoch"
    assert curve["edges"][-1] == 2


def test_the_command_still_prints_the_configuration(
    event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n")
    with pytest.raises(SystemExit) as caught:
        main(["config", "show", "run.yaml", "--plot-lr", "rates.svg", "--epochs", "3"])
    assert not caught.value.code
    printed = capsys.readouterr()
    assert "epochs: 3" in printed.out
    assert "1 steps in each of 3 epochs" in printed.err
    assert Path("rates.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("file", "message"),
    [("rates.jpg", "found '.jpg', expected one of .pdf"), ("nowhere/rates.png", "nowhere does not exist")],
)
def test_files_that_cannot_be_written(
    file: str, message: str, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n")
    with pytest.raises(SystemExit) as caught:
        main(["config", "show", "run.yaml", "--plot-lr", file])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_without_matplotlib(
    event_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n")
    with pytest.raises(SystemExit):
        main(["config", "show", "run.yaml", "--plot-lr", "rates.png"])
    assert capsys.readouterr().err.strip().endswith("needs matplotlib: pip install 'xec-train[plot]'")
