"""YAML of configurations: read with errors of a configuration, and written."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.nodes import SequenceNode

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
    options: dict[str, Any] = {"sort_keys": False, "default_flow_style": None, "allow_unicode": True}
    return str(yaml.dump(data, Dumper=yaml_text.SafeDumper, width=100, **options))


class _BlockDumper(yaml_text.SafeDumper):
    """Sections with a line for each key, lists in one line."""

    def represent_list(self, data: Any) -> SequenceNode:
        """Represent a list in one line."""
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)


_BlockDumper.add_representer(list, _BlockDumper.represent_list)


def write_blocks(data: Any) -> str:
    """Write plain data as YAML with a line for each key, as people write it."""
    text = yaml.dump(
        data, Dumper=_BlockDumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=100
    )
    return str(text)


def write_scalar(value: Any) -> str:
    """Write one value so that it can stand behind ``key:``."""
    text = write_yaml([value]).strip()
    return text.removeprefix("[").removesuffix("]") if text.startswith("[") else text.removeprefix("- ")
