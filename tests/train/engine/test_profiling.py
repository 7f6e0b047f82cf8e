"""A profile: its table adds up, its trace names the parts, and nothing else is left behind."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
import torch

from xec_geometry.cli.application import main
from xec_train.engine.measurement.phases import PHASES, Stopwatch


def test_table_and_trace(
    small: tuple[str, ...], event_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run.yaml").write_text(f"data: {{train_path: {event_files[0]}, val_path: {event_files[1]}}}\n")
    # Of four steps an epoch: the second epoch is begun.
    with pytest.raises(SystemExit) as caught:
        main(["train", "run.yaml", *small, "mlflow.run_name=quick", "--profile", "4"])
    assert not caught.value.code
    printed = capsys.readouterr().out
    assert "where the time of 4 steps went" in printed

    rows = {name: float(value) for name, value in re.findall(r"│ (\w+) +│ +([\d.]+) │", printed)}
    assert list(rows) == [*PHASES, "other", "total"]
    assert sum(rows[name] for name in (*PHASES, "other")) == pytest.approx(rows["total"], abs=0.1)
    assert rows["backward"] > 0
    assert rows["forward"] > 0

    assert sorted(path.name for path in Path().iterdir()) == ["profile_quick.json", "run.yaml"]
    events = json.loads(Path("profile_quick.json").read_text())["traceEvents"]
    named = [event["name"] for event in events if event.get("cat") == "user_annotation"]
    assert {name: named.count(name) for name in PHASES if name != "read"} == dict.fromkeys(PHASES[1:], 4)
    assert named.count("read") >= 3

    # Nobody's file is overwritten.
    with pytest.raises(SystemExit) as caught:
        main(["train", "run.yaml", *small, "mlflow.run_name=quick", "--profile", "1"])
    assert caught.value.code == 2
    assert "profile_quick.json exists already" in capsys.readouterr().err


def test_stopwatch() -> None:
    watch = Stopwatch(torch.device("cpu"))
    for _ in range(2):
        with watch("forward"):
            time.sleep(0.02)
    assert 0.04 <= watch.seconds["forward"] <= watch.total
    assert watch.seconds["step"] == 0
    watch.restart()
    assert watch.seconds["forward"] == 0
    assert watch.total < 0.04
