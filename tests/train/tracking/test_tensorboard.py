"""Event files that TensorBoard itself reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xec_train.config.train_config import TrainConfig
from xec_train.runs.training import train
from xec_train.tracking.metrics_file import read_metrics
from xec_train.tracking.tensorboard_tracker import TensorboardTracker


def test_all_numbers_of_a_training_also_resumed(configure: Callable[..., TrainConfig]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    changes = ("tensorboard.enabled=true", "mlflow.run_name=board")
    run = train(configure(*changes, "training.epochs=1"))
    train(configure(*changes, "training.epochs=2", f"checkpoint.resume_from={run.checkpoint_last}"))

    events = EventAccumulator(str(run.tensorboard))
    events.Reload()
    shown = [
        (name, scalar.step, scalar.value)
        for name in events.Tags()["scalars"]
        if name != "epoch"
        for scalar in events.Scalars(name)
    ]
    logged = [(row["metric"], int(row["step"]), float(row["value"])) for row in read_metrics(run.metrics)]
    for (name, step, value), (*place, exact) in zip(sorted(shown), sorted(logged), strict=True):
        assert [name, step] == place
        assert value == pytest.approx(exact, rel=1e-6)  # TensorBoard keeps single precision
    assert [scalar.value for scalar in events.Scalars("epoch")] == [0, 1, 1, 2]
    assert "configuration/text_summary" in events.Tags()["tensors"]


def test_without_the_key_there_is_no_folder(configure: Callable[..., TrainConfig]) -> None:
    run = train(configure("training.epochs=1"))
    assert not run.tensorboard.exists()


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    folder.write_text("a file")
    warnings: list[str] = []
    tracker = TensorboardTracker(folder, 0, warnings.append)
    tracker.start({"a": 1})
    for step in range(3):
        tracker.log({"loss": 1.0}, epoch=1, step=step)
    tracker.finish("FINISHED")
    (warning,) = warnings
    assert warning.startswith(f"TensorBoard files in {folder} cannot be written: ")
