"""YAML of configurations: read with errors of a configuration, and written."""

from __future__ import annotations

from typing import Any

import yaml

from xec_data.configuration import yaml_text
from xec_data.errors import DataError
from xec_train.errors import ConfigError


def read_yaml(text: str, source: str) -> Any:
    """Parse YAML as `xec_data.configuration.yaml_text.read_yaml` does.

    Raises
    ------
    ConfigError
        With the line, if the text is no YAML or gives a key twice.
    """
    try:
        return yaml_text.read_yaml(text, source)
    except DataError as error:
        raise ConfigError(str(error)) from error


def read_value(text: str) -> Any:
    """Parse one value of a command line; what is no YAML, like ``*.root``, is text."""
    try:
        return read_yaml(text, "value")
    except ConfigError:
        return text


def write_yaml(data: Any) -> str:
    """Write plain data as YAML, keys in their order, short lists in one line."""
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100))


def write_scalar(value: Any) -> str:
    """Write one value so that it can stand behind ``key:``."""
    text = write_yaml([value]).strip()
    return text.removeprefix("[").removesuffix("]") if text.startswith("[") else text.removeprefix("- ")
