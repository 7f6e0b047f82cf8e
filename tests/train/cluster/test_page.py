"""The page "On a cluster" and the recipes of environments say what is so."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml

from xec_train.cluster.variables import DRY_RUN, FLAG_OF_VARIABLE, N_GPUS
from xec_train.commands.submit import app
from xec_train.config.train_config import TrainConfig
from xec_train.scan.beginning import begin

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "packages" / "xec-train" / "docs" / "on-a-cluster.md"
ENVIRONMENTS = ROOT / "tools" / "environments"


def test_every_script_has_its_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for script in ("submit_job.sh", "run_scan.sh", "run_mae.sh", "start_jupyter_xec_gpu.sh"):
        assert f"\n## {script}\n" in text


def test_every_variable_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| variable | flag |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([A-Z_]+)`", table)) == {*FLAG_OF_VARIABLE, N_GPUS, DRY_RUN}


def test_the_commands_of_the_page_are_commands() -> None:
    from xec_train.config.arguments import parse_arguments

    group = typer.main.get_group(app)
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"xec submit ((?:[^`\n|]|\\\|)*)", text)
    assert len(found) > 20
    for line in found:
        words = shlex.split(line.replace("$lr", "1e-4").partition(" #")[0], comments=True)
        words = [word for word in words if word not in ("…", "it")]
        if not words or not words[0].endswith((".yaml", *group.commands)):
            continue
        name = words[0] if words[0] in group.commands else "train"
        known = {option for one in group.commands[name].params for option in one.opts}
        flags = [word.partition("=")[0] for word in words if word.startswith("--")]
        others = [flag for flag in flags if flag not in known]
        # What is no option of the command is a flag of the training.
        problems = [parse_arguments([flag, "1"]).problems for flag in others]
        assert not any(problems), (line, problems)
        assert name == "train" or not others, line


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_recipes_install_the_six_packages_with_extras_that_exist(architecture: str) -> None:
    recipe = yaml.safe_load((ENVIRONMENTS / f"{architecture}.yml").read_text())
    (pip,) = [entry["pip"] for entry in recipe["dependencies"] if isinstance(entry, dict)]
    found = {}
    for line in pip:
        if match := re.fullmatch(r"-e (\S+?)(?:\[(.*)\])?", line):
            folder = (ENVIRONMENTS / match[1]).resolve()
            extras = set(filter(None, (match[2] or "").split(",")))
            project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
            assert extras <= set(project.get("optional-dependencies", {})), line
            found[project["name"]] = extras
    assert set(found) == {path.name for path in (ROOT / "packages").iterdir()}
    assert "cluster" in found["xec-train"]
    pinned = re.search(r'"(torch==.*?)"', (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert pinned[1] in pip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected a folder"),
        (("--torch",), "expected a version"),
        (("--venv", "a"), "unknown option --venv"),
        (("a", "b"), "two folders: a and b"),
        (("taken",), "taken exists already"),
    ],
)
def test_the_script_says_what_is_wrong(words: tuple[str, ...], message: str) -> None:
    Path("taken").mkdir()
    done = subprocess.run([ENVIRONMENTS / "create.sh", *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_space_of_the_page_is_valid(configure: Callable[..., TrainConfig]) -> None:
    text = PAGE.read_text(encoding="utf-8").partition("\n## run_scan.sh\n")[2]
    example = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    Path("lr_scan.yaml").write_text(example)
    beginning = begin(["run.yaml", "lr_scan.yaml"]) if configure() else None
    assert beginning is not None
    assert "\n".join(beginning.in_words()) in text
