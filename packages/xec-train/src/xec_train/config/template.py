"""A configuration as a commented YAML file, written from the models that also read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from xec_data.normalization.presets import PRESETS
from xec_data.tasks.table import TASKS
from xec_train.config.keys import Key, all_keys, choices, is_fixed, remarks, sort_sections, table_of
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import write_scalar, write_yaml
from xec_train.objectives.table import DEFAULT, OBJECTIVES

WIDTH = 110
COLUMN = 36
"""Column of the description of a key, if it fits behind the value."""

REQUIRED = {"data.train_path": "train.root", "data.val_path": "val.root"}
"""Values of a new file for keys without default: names to be replaced."""

# Their values follow from another key, a preset or a loss; stated, they would stay when that one is changed.
_DERIVED_KEYS = {
    *(f"normalization.{name}" for name in PRESETS["default"].values),
    *(f"tasks.{task}.loss_beta" for task in TASKS),
}

_HEADER = """\
# Configuration of a training, for: xec train THIS_FILE [section.key=value ...]
# Every key with its default. Only the two paths in 'data' are required; any other line can go.
"""


def default_config(objective: str = DEFAULT) -> TrainConfig:
    """Return the configuration of a new file."""
    data: dict[str, Any] = {"objective": objective}
    for path, value in REQUIRED.items():
        section, _, name = path.partition(".")
        data.setdefault(section, {})[name] = value
    return TrainConfig.model_validate(data)


def template(objective: str = DEFAULT) -> str:
    """Write a new configuration: every section, key, default and description.

    Parameters
    ----------
    objective
        Name of the objective.

    Returns
    -------
    str
        YAML. Reading it gives `default_config`.

    Raises
    ------
    ConfigError
        If there is no such objective.
    """
    OBJECTIVES.get_named(objective)
    lines = _lines(objective, default_config(objective).model_dump(mode="json"))
    return _HEADER + "\n".join(lines) + "\n"


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


def _lines(objective: str, values: dict[str, Any]) -> Iterator[str]:
    for key in all_keys(objective).values():
        if is_fixed(key):
            continue
        indent = "  " * key.path.count(".")
        if "." not in key.path:
            yield ""
        mark = "# " if key.path in _DERIVED_KEYS else ""
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
    if key.path in REQUIRED:
        value = REQUIRED[key.path]
    return write_scalar(value)
