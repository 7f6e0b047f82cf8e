"""Events inside the fiducial cut: printed, and among the metrics."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from xec_data import read_truth
from xec_geometry import in_fiducial
from xec_train.config.train_config import TrainConfig
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]


def test_counts(
    configure: Configure, event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    cut = {"u_max": 12.0, "v_max": 40.0, "w_min": 1.0, "w_max": 20.0}
    changes = [f"data.fiducial.{name}={value}" for name, value in cut.items()]
    run = train(
        configure(
            "data.fiducial.enabled=true", *changes, "training.epochs=1", "checkpoint.save_artifacts=false"
        )
    )
    printed = capsys.readouterr().out
    with run.metrics.open(newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    for name, title, path in zip(("train", "val"), ("training", "validation"), event_files, strict=True):
        inside = in_fiducial(read_truth(path, ["uvwTruth"])["uvwTruth"], **cut)
        kept, stored = int(inside.sum()), len(inside)
        assert 0 < kept < stored
        assert float(rows[f"{name}_events_kept"]["value"]) == kept
        assert float(rows[f"{name}_events_stored"]["value"]) == stored
        assert f"{title}: {kept} events in 1 file, {stored - kept} of {stored} lie outside" in printed
    assert rows["train_events_kept"]["step"] == "0"
