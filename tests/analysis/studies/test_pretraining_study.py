"""The study of pre-training, and the figure with the validations of several runs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis import AnalysisError
from xec_analysis.runs.run_comparison import common_panels, draw_runs, runs_table
from xec_analysis.runs.training_curves import read_metrics
from xec_analysis.studies import pretraining_study as module, steps
from xec_analysis.studies.pretraining_steps import CONFIGS, FULL, QUICK, study_steps
from xec_analysis.studies.steps import Step, StepError, run_step
from xec_geometry.cli.application import main
from xec_models.checkpoint.run_directory import RunDirectory


def make_run(folder: Path, metrics: dict[str, list[float]]) -> RunDirectory:
    folder.mkdir(parents=True)
    lines = [
        f"{epoch},{epoch},{name},{value},2026-01-01T00:00:00"
        for name, values in metrics.items()
        for epoch, value in enumerate(values, start=1)
    ]
    (folder / "metrics.csv").write_text("\n".join(["epoch,step,metric,value,timestamp", *lines]))
    return RunDirectory(folder)


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, RunDirectory]:
    common = {"lr": [1e-3, 1e-4], "train_loss": [9.0, 8.0]}
    return {
        "slow": make_run(tmp_path / "a", common | {"val_loss": [5.0, 4.0], "energy_res_68pct": [2e-3, 1e-3]}),
        "fast": make_run(
            tmp_path / "b",
            common | {"val_loss": [3.0, 2.0], "energy_res_68pct": [1e-3, 3e-3], "uvw_u_res_68pct": [1, 2]},
        ),
    }


def test_the_validation_is_compared_in_what_all_have(runs: dict[str, RunDirectory]) -> None:
    for order in (list(runs), list(reversed(runs))):
        curves = {label: read_metrics(runs[label].metrics) for label in order}
        assert [name for _, name in common_panels(curves)] == ["val_loss", "energy_res_68pct"]


def test_the_figure_names_the_runs(
    runs: dict[str, RunDirectory], tmp_path: Path, written_texts: list[list[str]]
) -> None:
    draw_runs(runs, tmp_path / "runs.pdf", title="Two runs")
    (texts,) = written_texts
    assert {"Two runs", "slow", "fast", "loss", "epoch"} <= set(texts)


def test_the_best_values_are_in_the_table(runs: dict[str, RunDirectory]) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(runs_table(runs))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["loss", "4.00", "2.00"] in lines
    assert ["68", "%", "width", "of", "E_gamma", "[MeV]", "1.00", "1.00"] in lines


def test_runs_without_a_common_metric(tmp_path: Path) -> None:
    runs = {"a": make_run(tmp_path / "a", {"lr": [1]}), "b": make_run(tmp_path / "b", {"val_loss": [1]})}
    with pytest.raises(AnalysisError, match="the runs a, b have no metric of the validation in common"):
        draw_runs(runs, tmp_path / "runs.pdf", title="")


@pytest.mark.parametrize("size", [FULL, QUICK])
def test_commands_use_only_what_is_there(size: object) -> None:
    made = set(CONFIGS)
    for step in study_steps(size):
        for word in step.arguments:
            name = word.partition("=")[2] or word
            if name.endswith((".root", ".yaml", ".pth")) and name not in step.makes:
                assert any(name == known or name.startswith(f"{known}/") for known in made), name
        made |= set(step.makes)


def test_the_configurations_differ_in_no_part_of_the_encoder() -> None:
    pytest.importorskip("xec_train")
    import yaml

    first, second = (yaml.safe_load(text) for text in CONFIGS.values())
    assert {first["objective"], second["objective"]} == {"mae", "regression"}
    assert first["normalization"] == second["normalization"]
    own = {"mask_ratio", "hidden_dim"}
    models = [{k: v for k, v in text["model"].items() if k not in own} for text in (first, second)]
    assert models[0] == models[1]


def test_the_trainings_differ_in_the_weights_alone() -> None:
    scratch, pretrained = (step.arguments for step in study_steps(FULL)[-2:])
    assert set(pretrained) - set(scratch) == {
        "mlflow.run_name=pretrained",
        "checkpoint.resume_from=artifacts/pretraining/checkpoint_last.pth",
    }


def test_the_study_ends_with_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def pretend(step: Step, folder: Path, study: str) -> None:
        assert study == "study"
        assert (folder / "regression.yaml").is_file()
        done.append(step.title)
        for name in step.makes:
            if name.startswith("artifacts/"):
                make_run(folder / name, {"val_loss": list(np.linspace(2, 1, 3))})

    monkeypatch.setattr(steps, "run_step", pretend)
    console = Console(file=io.StringIO(), width=100)
    figure = module.run_study(tmp_path / "study", quick=True, overwrite=False, console=console)
    assert done == [step.title for step in study_steps(QUICK)]
    assert figure.read_bytes().startswith(b"%PDF")
    assert "best of the validation" in console.file.getvalue()
    with pytest.raises(AnalysisError, match="is not empty"):
        module.run_study(tmp_path / "study", quick=True, overwrite=False, console=console)
    module.run_study(tmp_path / "study", quick=True, overwrite=True, console=console)


def test_a_failing_step_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Step("", "", "", ("data", "check", "missing.root"))
    with pytest.raises(StepError, match="the study stopped: 'xec data check' ended with exit code 2"):
        run_step(failing, tmp_path, "study")

    def fail(*_: object) -> None:
        raise StepError("the study stopped: 'xec train'", 3)

    monkeypatch.setattr(steps, "run_step", fail)
    with pytest.raises(SystemExit) as end:
        main(["pretraining-study", "--quick", "-o", str(tmp_path / "study")])
    assert end.value.code == 3
    assert "xec: error: the study stopped: 'xec train'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_short_form(tmp_path: Path) -> None:
    """All commands for real; the numbers mean nothing."""
    with pytest.raises(SystemExit) as end:
        main(["pretraining-study", "--quick", "-o", str(tmp_path / "study")])
    assert end.value.code in (0, None)
    assert (tmp_path / "study" / module.FIGURE).is_file()
