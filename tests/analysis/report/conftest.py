"""The report of a run with an odd name."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_analysis.plots.source import PlotSource
from xec_analysis.report.page import write_report
from xec_data.reading.columns import read_columns
from xec_geometry.cli import plugins
from xec_geometry.cli.application import main
from xec_geometry.cli.plugins import COMMAND_GROUP
from xec_models.checkpoint.run_directory import RunDirectory

NAME = 'night <3> & "x"'
METRICS = """epoch,step,metric,value,timestamp
1,100,train_loss,2.5,2026-01-01T00:00:00
1,100,val_loss,2.6,2026-01-01T00:00:00
2,200,train_loss,1.5,2026-01-01T00:00:00
2,200,val_loss,1.7,2026-01-01T00:00:00
"""


@pytest.fixture(scope="session")
def residuals() -> dict[str, np.ndarray]:
    """Residuals of the run in files' units: cm, s; of 400 events."""
    rng = np.random.default_rng(5)
    widths = {"u": 0.25, "v": 0.3, "w": 0.6, "timing": 8e-11}
    return {name: rng.normal(0.0, width, 400) for name, width in widths.items()}


@pytest.fixture(scope="session")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    training_file: Path,
    events_file: Path,
    residuals: dict[str, np.ndarray],
    write_tree: Callable[..., Path],
) -> RunDirectory:
    """A run of two tasks, with all that a training leaves but checkpoints."""
    folder = tmp_path_factory.mktemp("runs") / NAME
    folder.mkdir()
    run = RunDirectory(folder)
    run.config.write_text(
        f"data: {{train_path: [{training_file}], val_path: [{events_file}], dead_channels: dead.txt}}\n"
        "note: '<b>bold</b> {{ name }} {% if %}'\n"
    )
    run.metrics.write_text(METRICS)
    run.data_files.write_text(
        "use,path,tree,entries,kept,bytes,digest\n"
        f"training,{training_file},tree,800,800,1000000,{'f00d' * 8}\n"
    )
    run.dead_channels(1).write_text("17\n4711\n")
    difference = {"output": "energy", "column": "energy", "unit": "GeV", "absolute": 2.5e-7, "scale": 0.01}
    parity = {
        "events": "val.root",
        "tolerance": 1e-4,
        "largest_differences": [difference | {"case": "batch 64", "relative": 2.5e-5}],
    }
    run.onnx_description.write_text(json.dumps({"parity": parity}))
    raw = read_columns(events_file)
    truth = {name: raw[name] for name in ("run", "event", "uvwTruth", "timeTruth")}
    predicted = {f"pred_{x}": raw["uvwTruth"][:, k] + residuals[x] for k, x in enumerate("uvw")}
    predicted["pred_timing"] = raw["timeTruth"] + residuals["timing"]
    write_tree(run.validation_results, truth | predicted)
    return run


@pytest.fixture(scope="session")
def page(run: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the run."""
    return write_report(PlotSource(run.path), tmp_path_factory.mktemp("page") / "rapport <1>.html")


@pytest.fixture
def report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``xec report``: ``report(*arguments)`` gives exit code, output and errors."""
    point = EntryPoint("report", "xec_analysis.commands.report:report", COMMAND_GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])

    def run_command(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["report", *map(str, arguments)])
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run_command
