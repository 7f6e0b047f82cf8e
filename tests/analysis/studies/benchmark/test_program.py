"""The command from its options to its files."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from xec_analysis import AnalysisError, Baselines, fit_baselines
from xec_analysis.commands.benchmark import benchmark as command
from xec_analysis.studies.benchmark import methods, program
from xec_analysis.studies.benchmark.commands import Training
from xec_analysis.studies.benchmark.program import BenchmarkOptions, run_benchmark
from xec_analysis.studies.steps import StepError
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.file import simulate_file

# What training needs to be over in seconds; the numbers mean nothing.
_TINY = (
    "model.encoder_dim=64",
    "model.dim_feedforward=32",
    "model.hidden_dim=16",
    "model.num_fusion_layers=1",
    "data.batch_size=16",
    "data.num_workers=0",
    "training.epochs=1",
)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def options(folder: Path, **changes: object) -> BenchmarkOptions:
    settings: dict[str, object] = {"events": "120:20:60", "sets": ("showers", "showers-dead"), "kind": "png"}
    return BenchmarkOptions(folder, Training(5), **(settings | changes))  # type: ignore[arg-type]


def test_all_methods_are_measured(
    tmp_path: Path, console: Console, done: list[str], predict: Callable[..., None]
) -> None:
    folder, page = tmp_path / "out", tmp_path / "PHYSICS.md"
    calibrated: list[str] = []

    def counted(path: Path, recipe: str) -> Baselines:
        calibrated.append(f"{path.name}: {recipe}")
        return fit_baselines(path, recipe)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "draw_figures", lambda *_: [])
        patch.setattr(methods, "fit_baselines", counted)
        run_benchmark(options(folder), console)
    assert calibrated == ["showers_train.root: simple", "showers_train.root: refined"], "once for both sets"
    assert done == [
        "configuration",
        "showers: simulation (test)",
        "showers: simulation (test-dead)",
        "showers: simulation (train)",
        "showers: simulation (validation)",
        "showers: training",
        "showers: prediction",
        "showers-dead: prediction",
    ]
    done.clear()
    predict(folder / "events/showers_test-dead.root", tmp_path / "theirs.root", seed=3)
    found = run_benchmark(options(folder, compare=(f"{tmp_path}/theirs.root=theirs",), page=page), console)
    assert done == [], "all of it was there already"
    healthy, dead = found.sets
    assert {r.method for r in healthy.resolutions} == {"network", "simple", "refined"}
    assert {r.method for r in dead.resolutions} == {"network", "simple", "refined", "theirs"}
    assert {loss.method for loss in dead.dead_losses} == {"network", "simple", "refined"}
    (training,) = found.trainings
    assert (training.network, training.events, training.minutes, training.epochs) == (
        "showers",
        120,
        5.0,
        3.0,
    )
    written = json.loads((folder / "benchmark.json").read_text())
    assert written["sets"][1]["name"] == "showers-dead"
    assert written["command"] == (
        "xec benchmark --minutes 5 --preset laptop --events 120:20:60 --sets showers,showers-dead "
        "--compare theirs.root=theirs"
    )
    assert page.read_text() == (folder / "benchmark.md").read_text()
    assert "\n\nsimple: charge-weighted position, summed photons, first times. refined: " in page.read_text()
    assert "bound: what no unbiased" not in page.read_text(), "there is none of showers"
    assert "## Showers of 15–60 MeV, 2 % of the sensors dead: 60 events" in page.read_text()
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"{kind}_{name}.png" for kind in ("widths", "pulls") for name in ("showers", "showers-dead")
    }
    assert "68 % width over that without dead sensors" in console.file.getvalue()  # type: ignore[attr-defined]


def test_only_what_other_settings_change_is_done_again(
    tmp_path: Path, console: Console, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "draw_figures", lambda *_: [])
    run_benchmark(options(tmp_path, sets=("showers",)), console)
    done.clear()
    other = BenchmarkOptions(tmp_path, Training(2), events="120:20:60", sets=("showers",), kind="png")
    run_benchmark(other, console)
    assert done == ["showers: training", "showers: prediction"]
    done.clear()
    run_benchmark(options(tmp_path, sets=("showers",), events="120:20:70"), console)
    assert done == ["showers: simulation (test)", "showers: training", "showers: prediction"]
    done.clear()
    run_benchmark(options(tmp_path, sets=("showers",), events="120:20:70", overwrite=True), console)
    assert len(done) == 6


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sets": ("shower",)}, "--sets: unknown set 'shower'"),
        ({"events": "x"}, "--events: cannot read 'x'"),
        ({"compare": ("nowhere.root",)}, "--compare nowhere.root: no such file"),
    ],
)
def test_wrong_options_are_found_before_any_work(
    tmp_path: Path, console: Console, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(AnalysisError, match=complaint):
        run_benchmark(options(tmp_path / "out", **changes), console)
    assert not (tmp_path / "out").exists()


def test_no_time_is_refused(tmp_path: Path, console: Console) -> None:
    with pytest.raises(AnalysisError, match="--minutes: found 0, expected more than 0"):
        run_benchmark(BenchmarkOptions(tmp_path, Training(0)), console)


def test_events_of_another_set_are_found_before_the_training(
    tmp_path: Path, console: Console, done: list[str], predict: Callable[..., None]
) -> None:
    other = SimulationConfig(seed=7, energy=(0.0528, 0.0528), shower=False)
    simulate_file(tmp_path / "events.root", other, 60, processes=1)
    predict(tmp_path / "events.root", tmp_path / "mine.root")
    choice = options(tmp_path / "out", sets=("points",), compare=(f"{tmp_path}/mine.root",))
    with pytest.raises(
        AnalysisError, match=r"mine\.root: the events are not those of any set measured here: poin"
    ):
        run_benchmark(choice, console)
    assert done == ["configuration", "points: simulation (test)"]


def test_a_failing_command_ends_the_benchmark_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StepError("the benchmark stopped: 'xec config new' ended with exit code 3", 3)

    monkeypatch.setattr(importlib.import_module("xec_analysis.studies.benchmark.commands"), "run_step", fail)
    ended = CliRunner().invoke(_app(), ["-o", str(tmp_path / "out"), "--minutes", "0.1"])
    assert ended.exit_code == 3
    assert "xec: error: the benchmark stopped" in ended.output


@pytest.mark.slow
def test_the_whole_command(tmp_path: Path) -> None:
    """All commands for real; the numbers mean nothing."""
    folder, page = tmp_path / "out", tmp_path / "page.md"
    arguments = ["--minutes", "0.05", "--events", "64:32:64", "--sets", "points-52.8", "-o", str(folder)]
    arguments += [word for setting in _TINY for word in ("--set", setting)]
    ended = CliRunner().invoke(_app(), [*arguments, "--markdown", str(page)], catch_exceptions=False)
    assert ended.exit_code == 0
    assert "Points of 52.8 MeV: 64 events" in ended.output
    assert "| energy | 68 % | % |" in page.read_text()
    assert (folder / "artifacts/points-52.8/checkpoint_best.pth").is_file()
    numbers = json.loads((folder / "benchmark.json").read_text())
    assert {r["method"] for r in numbers["sets"][0]["resolutions"]} >= {"network", "simple", "refined"}


def _app() -> Typer:
    app = Typer()
    app.command()(command)
    return app
