"""A configuration as a commented YAML file, written from the models that also read it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from xec_data.normalization import PRESETS
from xec_train.config.keys import Key, all_keys, choices
from xec_train.config.sections import TrainConfig
from xec_train.config.yaml_text import write_scalar, write_yaml

WIDTH = 110
COLUMN = 36
"""Where the meaning of a key stands, if it fits behind the value."""

REQUIRED = {"data.train_path": "train.root", "data.val_path": "val.root"}
"""What a new file says for the keys without default: names to be replaced."""

_PRESET_KEYS = {f"normalization.{name}" for name in PRESETS["default"]}

_HEADER = """\
# Configuration of a training, for: xec train THIS_FILE [section.key=value ...]
# Every key with its default. Only the two paths in 'data' are required; any other line can go.
"""


def default_config() -> TrainConfig:
    """The configuration of a new file."""
    data: dict[str, dict[str, str]] = {}
    for path, value in REQUIRED.items():
        section, _, name = path.partition(".")
        data.setdefault(section, {})[name] = value
    return TrainConfig.model_validate(data)


def template() -> str:
    """Write a new configuration: every section, key, default and description.

    Returns
    -------
    str
        YAML. Reading it gives `default_config`.
    """
    return _HEADER + "\n".join(_lines(default_config().model_dump(mode="json"))) + "\n"


def resolved(config: TrainConfig) -> str:
    """Write a configuration with every key, without comments."""
    return write_yaml(config.model_dump(mode="json"))


def _lines(values: dict[str, Any]) -> Iterator[str]:
    for key in all_keys().values():
        indent = "  " * key.path.count(".")
        if "." not in key.path:
            yield ""
        # What a preset gives stays a comment: stated, it would win over another preset.
        mark = "# " if key.path in _PRESET_KEYS else ""
        entry = f"{key.name}:" if key.section else f"{mark}{key.name}: {_value(key, values)}"
        line = f"{indent + entry:<{COLUMN}}# {_comment(key)}"
        if key.section is None and len(line) <= WIDTH:
            yield line
        else:
            start = f"{indent}# "
            yield from wrap(_comment(key), WIDTH, initial_indent=start, subsequent_indent=start)
            yield indent + entry


def _comment(key: Key) -> str:
    text = (key.field.description or "").rstrip(".")
    words = [word for word in choices(key.path) if word not in text]
    required = " (required)" if key.path in REQUIRED else ""
    return f"{text}: {', '.join(words)}{required}" if len(words) > 1 else text + required


def _value(key: Key, values: dict[str, Any]) -> str:
    value: Any = values
    for part in key.path.split("."):
        value = value[part]
    if key.path in REQUIRED:
        value = REQUIRED[key.path]
    return write_scalar(value)
