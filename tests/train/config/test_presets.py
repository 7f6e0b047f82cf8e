"""Presets of a new configuration: what they change, and what is said where they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from xec_geometry.cli.application import main
from xec_geometry.support.flattening import flatten
from xec_train import ConfigError, load_config, template
from xec_train.config.keys import all_keys
from xec_train.config.presets import CONFIG_PRESETS, Preset
from xec_train.config.template import default_config
from xec_train.objectives.table import OBJECTIVES, build_objective


@contextmanager
def added(preset: Preset) -> Iterator[None]:
    CONFIG_PRESETS.register(preset)
    try:
        yield
    finally:
        CONFIG_PRESETS.unregister(preset.name)


@pytest.mark.parametrize("name", CONFIG_PRESETS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_file_states_the_values_of_its_preset(name: str, objective: str, tmp_path: Path) -> None:
    text, path = template(objective, name), tmp_path / "run.yaml"
    path.write_text(text)
    changes = {
        key: value for key, value in CONFIG_PRESETS[name].changes.items() if key in all_keys(objective)
    }
    # Not only as comments, and no other line differs.
    stated, default = flatten(yaml.safe_load(text)), flatten(yaml.safe_load(template(objective)))
    assert {key: stated[key] for key in changes} == changes
    assert {key for key in stated if stated[key] != default.get(key)} <= set(changes)
    assert load_config(path).config == default_config(objective, name)
    assert f"preset '{name}' ({CONFIG_PRESETS[name].summary})" in text
    assert max(map(len, text.splitlines())) <= 120


def test_every_key_of_a_preset_is_one_of_some_objective() -> None:
    for preset in CONFIG_PRESETS.values():
        assert set(preset.changes) <= set(all_keys()), preset.name


def test_without_a_preset_the_file_holds_the_defaults() -> None:
    assert "preset '" not in template()


def test_what_follows_from_a_value_follows_from_that_of_the_preset() -> None:
    config = default_config(preset="laptop")
    assert config.tasks.energy.loss_beta == 4.0
    assert "# loss_beta: 4.0" in template(preset="laptop")
    with added(Preset("free", "no rate to choose", {"training.optimizer": "prodigy"})):
        assert default_config(preset="free").training.lr == 1.0


def test_reference_is_the_documented_network() -> None:
    network = build_objective(default_config(preset="reference")).build_network()
    assert sum(p.numel() for p in network.encoder.parameters()) > 2e7
    assert (network.model_config.encoder_dim, network.model_config.anchor) == (1024, "none")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model.encodr_dim": 64}, r"model\.encodr_dim: unknown key .did you mean 'model\.encoder_dim'"),
        ({"training.learning": 1}, r"training\.learning: unknown key"),
        ({"training.lr": -1}, r"training\.lr: found -1, expected a number > 0"),
        ({"tasks.energy.loss_fn": "student"}, r"tasks\.energy\.loss_fn: found 'student'.*'student_t'"),
        ({"model.encoder_dim": 60}, r"model\.encoder_dim: encoder_dim is 60, expected a multiple of 32"),
    ],
)
def test_a_wrong_preset_names_key_and_value(changes: dict[str, Any], complaint: str) -> None:
    with (
        added(Preset("mine", "of another package", changes)),
        pytest.raises(ConfigError, match=rf"preset 'mine' of a new configuration:\s+{complaint}"),
    ):
        template(preset="mine")


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["config", "new", *words])
    return int(end.value.code or 0)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--preset", "laptop", "-o", "a.yaml") == 0
    assert Path("a.yaml").read_text() == template(preset="laptop")
    capsys.readouterr()
    assert run("--preset", "labtop", "-o", "b.yaml") == 2
    message = capsys.readouterr().err
    assert (
        "unknown preset 'labtop' (did you mean 'laptop'?); expected one of laptop, gpu, reference" in message
    )
    assert len(message.strip().splitlines()) == 1
    assert not Path("b.yaml").exists()
