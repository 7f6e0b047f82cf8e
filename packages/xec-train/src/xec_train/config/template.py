"""A configuration as a commented YAML file, written from the models that also read it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from textwrap import wrap
from typing import Any

from pydantic import ValidationError

from xec_data.normalization.presets import PRESETS
from xec_data.tasks.table import TASKS
from xec_train.config.keys import (
    Key,
    all_keys,
    choices,
    is_fixed,
    objectives_with,
    remarks,
    sort_sections,
    table_of,
)
from xec_train.config.presets import CONFIG_PRESETS, Preset
from xec_train.config.problems import describe_errors
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import write_scalar, write_yaml
from xec_train.errors import ConfigError
from xec_train.objectives.table import DEFAULT, OBJECTIVES

WIDTH = 110
COLUMN = 36
"""Column of the description of a key, if it fits behind the value."""

REQUIRED = {"data.train_path": "train.root", "data.val_path": "val.root"}
"""Values of a new file for keys without default: names to be replaced."""

NEW_VALUES = {"model.anchor": "light", "model.window": [20, 20], "training.ema_warmup": True}
"""Values of a new file that are better than the defaults, which are those of files that do not state them."""

# Their values follow from another key, a preset or a loss; stated, they would stay when that one is changed.
_DERIVED_KEYS = {
    *(f"normalization.{name}" for name in PRESETS["default"].values),
    *(f"tasks.{task}.loss_beta" for task in TASKS),
}

_TITLE = "# Configuration of a training, for: xec train THIS_FILE [section.key=value ...]"
_DEFAULTS = """\
# Every key with its default, but for an anchor with a window, and ema_warmup. Only the two paths in 'data'
# are required; any other line can go, but without the lines 'anchor' and 'window' the network has none."""
_OF_PRESET = """\
# Every key, with the values of the preset '{name}' ({summary})
# and defaults. The two paths in 'data' are required; any line that states a default can go."""

_OF_CHECKPOINT = """\
# Every key. A training goes on from {path}: 'model' and 'normalization' have its values.
# The two paths in 'data' are required; any line that states a default can go."""


def default_config(
    objective: str = DEFAULT, preset: str | None = None, values: Mapping[str, Any] | None = None
) -> TrainConfig:
    """Return the configuration of a new file; parameters and errors as of `template`."""
    OBJECTIVES.get_named(objective)
    changes = {name: value for name, value in NEW_VALUES.items() if name in all_keys(objective)}
    if preset is not None:
        changes |= _changes(CONFIG_PRESETS.get_named(preset), objective)
    try:
        return TrainConfig.model_validate(
            _nested({"objective": objective, **REQUIRED, **changes, **(values or {})})
        )
    except ValidationError as error:
        problems = describe_errors(error, objective)
        where = f"preset '{preset}' of a new configuration:" if values is None else "cannot be stated:"
        raise ConfigError("\n  ".join([where, *problems])) from error


def template(
    objective: str = DEFAULT, preset: str | None = None, values: Mapping[str, Any] | None = None
) -> str:
    """Write a new configuration: every section, key, value and description.

    Parameters
    ----------
    objective
        Name of the objective.
    preset
        Name of a preset; None: every value but `NEW_VALUES` is the default.
    values
        Values of a checkpoint by dotted key, which are stated whatever the preset has.

    Returns
    -------
    str
        YAML. Reading it gives `default_config`.

    Raises
    ------
    ConfigError
        If there is no such objective or preset, or the preset has a wrong key or value.
    """
    resolved_values = default_config(objective, preset, values).model_dump(mode="json")
    header, stated = _DEFAULTS, set(values or ())
    if values is not None:
        header = _OF_CHECKPOINT.format(path=values.get("checkpoint.resume_from", "the checkpoint"))
    elif preset is not None:
        header = _OF_PRESET.format(name=preset, summary=CONFIG_PRESETS[preset].summary)
    if preset is not None:
        stated |= set(_changes(CONFIG_PRESETS[preset], objective))
    return "\n".join([_TITLE, header, *_lines(objective, resolved_values, stated)]) + "\n"


def _changes(preset: Preset, objective: str) -> dict[str, Any]:
    """Return the changes for an objective, unknown keys included."""
    here = all_keys(objective)
    return {
        path: value for path, value in preset.changes.items() if path in here or not objectives_with(path)
    }


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted keys as sections."""
    data: dict[str, Any] = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        section = data
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    return data


def resolved(config: TrainConfig) -> str:
    """Write a configuration with every key, without comments."""
    values = config.model_dump(mode="json")
    return write_yaml({name: values[name] for name in sort_sections(values)})


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of configurations, for editors: one alternative for each objective."""
    forms = {name: _described_schema(name) for name in OBJECTIVES}
    definitions = {name: value for form in forms.values() for name, value in form.pop("$defs").items()}
    for name, form in forms.items():
        form["properties"]["objective"] = {**form["properties"]["objective"], "const": name}
        if name != DEFAULT:
            form["required"] = ["objective", *form.get("required", [])]
    return {"anyOf": list(forms.values()), "$defs": definitions}


def _described_schema(objective: str) -> dict[str, Any]:
    form = OBJECTIVES[objective].config_class.model_json_schema()
    for key in all_keys(objective).values():
        if key.section is None:
            _property(form, key.path)["description"] = _describe(key) + _explained_choices(key, objective)
    return form


def _property(form: dict[str, Any], path: str) -> dict[str, Any]:
    *sections, name = path.split(".")
    section = form
    for part in sections:
        reference = section["properties"][part]["$ref"]
        section = form["$defs"][reference.rpartition("/")[2]]
    described: dict[str, Any] = section["properties"][name]
    return described


def _lines(objective: str, values: dict[str, Any], stated: Collection[str]) -> Iterator[str]:
    for key in all_keys(objective).values():
        if is_fixed(key):
            continue
        indent = "  " * key.path.count(".")
        if "." not in key.path:
            yield ""
        mark = "# " if key.path in _DERIVED_KEYS and key.path not in stated else ""
        entry = f"{key.name}:" if key.section else f"{mark}{key.name}: {_value(key, values)}"
        line = f"{indent + entry:<{COLUMN}}# {_comment(key, objective)}"
        if key.section is None and len(line) <= WIDTH:
            yield line
        else:
            start = f"{indent}# "
            yield from wrap(_comment(key, objective), WIDTH, initial_indent=start, subsequent_indent=start)
            yield indent + entry


def _describe(key: Key) -> str:
    text = (key.field.description or "").rstrip(".")
    return "; ".join([text[:1].upper() + text[1:], *remarks(key)])


def _explained_choices(key: Key, objective: str) -> str:
    table = table_of(key.path, objective)
    return f": {', '.join(lines)}" if table is not None and (lines := table.in_words()) else ""


def _comment(key: Key, objective: str) -> str:
    text = _describe(key) + (" (required)" if key.path in REQUIRED else "")
    if explained := _explained_choices(key, objective):
        return text + explained
    words = choices(key.path, objective)
    named = all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)
    return text if named or len(words) == 1 else f"{text}; one of {', '.join(words)}"


def _value(key: Key, values: dict[str, Any]) -> str:
    value: Any = values
    for part in key.path.split("."):
        value = value[part]
    if value == [REQUIRED.get(key.path)]:
        value = REQUIRED[key.path]
    return write_scalar(value)
