"""The README's examples of configuration say what really happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xec_train
from xec_train.config.loading import load_command_line
from xec_train.config.presets import CONFIG_PRESETS
from xec_train.config.template import template
from xec_train.errors import ConfigError

README = Path(__file__).parents[2] / "packages" / "xec-train" / "README.md"


def commands(name: str) -> list[list[str]]:
    """Words of every `xec NAME …` in the console blocks, comments cut off."""
    lines = re.findall(rf"^\$ xec {name} (.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.partition("#")[0].split() for line in lines]


def test_commands_of_training_are_valid(tmp_path: Path) -> None:
    made = {words[words.index("-o") + 1]: words for words in commands("config new")}
    for words in commands("train"):
        path, new = tmp_path / words[0], made.get(words[0], [])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template(new[new.index("--objective") + 1]) if "--objective" in new else template())
        if "--profile" in words:
            # The command's own; all other flags belong to the configuration.
            option = words.index("--profile")
            del words[option : option + 2]
        load_command_line([str(path), *words[1:]])
    assert len(commands("train")) == 8


def test_the_report_of_errors_is_the_one_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.yaml").write_text(template())
    (words,) = commands("config check")
    with pytest.raises(ConfigError) as caught:
        load_command_line(words)
    assert f"xec: error: {caught.value}\n" in README.read_text(encoding="utf-8")


def test_presets_are_those_of_the_table() -> None:
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text.partition("| preset | for |")[2], re.MULTILINE)
    presets = {name: preset.summary for name, preset in CONFIG_PRESETS.items()}
    assert dict(rows[: len(presets)]) == presets


def test_public_names_exist() -> None:
    for name in xec_train.__all__:
        assert getattr(xec_train, name) is not None
    with pytest.raises(AttributeError, match=r"attribute '?nothing"):
        _ = xec_train.nothing
