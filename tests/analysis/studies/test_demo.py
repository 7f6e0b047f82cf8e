"""The demo: its steps, its folder, and what happens when a step fails."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, entry_points

import pytest
from rich.console import Console

from xec_analysis import AnalysisError
from xec_analysis.studies import demo as module, steps
from xec_analysis.studies.demo_steps import FULL, QUICK, demo_steps
from xec_analysis.studies.steps import Step
from xec_geometry.cli import plugins
from xec_geometry.cli.application import main


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=120)


def test_the_whole_chain_is_shown():
    commands = [" ".join(step.arguments[:2]) for step in demo_steps(FULL)]
    order = ["geometry show", "data simulate", "data check", "config new", "train", "export", "predict"]
    order += ["plot", "display"]
    places = [next(i for i, command in enumerate(commands) if command.startswith(name)) for name in order]
    assert places == sorted(places)
    assert all(step.meaning and step.own_files for step in demo_steps(FULL))


@pytest.mark.parametrize("size", [FULL, QUICK])
def test_commands_use_only_what_earlier_ones_made(size):
    made = set()
    for step in demo_steps(size):
        for word in step.arguments:
            name = word.partition("=")[2] or word
            is_input = name.endswith((".root", ".onnx", ".yaml", ".pth")) and name not in step.makes
            if is_input:
                assert any(name == known or name.startswith(f"{known}/") for known in made), name
        made |= set(step.makes)


def test_settings_are_valid_keys():
    pytest.importorskip("xec_train")
    from xec_train.config.arguments import parse_arguments
    from xec_train.config.keys import all_keys

    for size in (FULL, QUICK):
        found = parse_arguments(list(dict(entry.split("=") for entry in size.settings)))
        assert {entry.split("=")[0] for entry in size.settings} <= set(all_keys())
        assert found.files


def test_a_command_is_shown_as_it_can_be_typed(console):
    step = next(step for step in demo_steps(FULL) if step.arguments[0] == "train")
    steps.announce(step, "8/12", console)
    shown = console.file.getvalue()
    typed = shown[shown.index("$ xec") + 2 :].replace("\\\n", " ")
    assert shlex.split(typed) == ["xec", *step.arguments]
    assert "On your own files: " in shown


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(AnalysisError, match="is not empty; expected a new or empty one"):
        steps.prepare_folder(tmp_path, demo_steps(QUICK), overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_overwriting_removes_only_what_the_demo_made(tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    (tmp_path / "train.root").write_text("old")
    for folder in ("artifacts/demo/plots", "artifacts/night_3"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.yaml").write_text("old")
    steps.prepare_folder(tmp_path, demo_steps(QUICK), overwrite=True)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["artifacts/night_3/config.yaml", "thesis.tex"]


def test_a_new_folder_is_made(tmp_path):
    steps.prepare_folder(tmp_path / "a" / "b", demo_steps(QUICK), overwrite=False)
    assert (tmp_path / "a" / "b").is_dir()


def test_a_step_runs_inside_the_folder(tmp_path):
    step = Step("Detector", "m", "o", ("geometry", "show", "--png", "detector.png"), ("detector.png",))
    steps.run_step(step, tmp_path, "demo")
    assert (tmp_path / "detector.png").read_bytes().startswith(b"\x89PNG")


def test_a_failing_step_ends_the_demo_with_its_code(tmp_path, monkeypatch, capfd):
    broken = replace(demo_steps(QUICK)[0], arguments=("data", "check", "nowhere.root"))
    monkeypatch.setattr(module, "demo_steps", lambda size: [broken])
    with pytest.raises(SystemExit) as end:
        main(["demo", "-o", str(tmp_path / "here"), "--quick"])
    assert end.value.code == 2
    lines = capfd.readouterr().err.splitlines()
    assert "nowhere.root" in lines[0]
    assert lines[-1] == "xec: error: the demo stopped: 'xec data check' ended with exit code 2"


def test_the_command_refuses_a_folder_in_use(tmp_path, capsys):
    (tmp_path / "x").write_text("")
    with pytest.raises(SystemExit) as end:
        main(["demo", "-o", str(tmp_path)])
    assert end.value.code == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(42.4, "42 s"), (125.0, "2 min 5 s")])
def test_durations(seconds, text):
    assert module._duration(seconds) == text


def test_a_command_whose_package_is_missing_is_one_line(tmp_path, monkeypatch, capfd):
    installed = [point for point in entry_points(group="xec.commands") if point.name != "config"]
    monkeypatch.setattr(plugins, "entry_points", lambda group: installed)

    def version(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(plugins, "version", version)
    with pytest.raises(SystemExit) as end:
        main(["demo", "-o", str(tmp_path / "here")])
    assert end.value.code == 2
    assert capfd.readouterr().err == (
        "xec: error: the command 'config' is part of xec-train, which is not installed: "
        "pip install xec-train\n"
    )
    assert not (tmp_path / "here").exists()
