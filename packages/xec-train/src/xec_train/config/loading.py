"""Loading of a configuration from a YAML file and a command line, with all errors at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xec_geometry.errors import did_you_mean
from xec_geometry.support.input import read_text
from xec_train.config.arguments import Arguments, Assignment, parse_arguments
from xec_train.config.earlier.recognition import (
    convert_command,
    describe_earlier,
    marked_objective,
    unread_keys,
)
from xec_train.config.flags import DEPRECATED_NAMES, DEPRECATED_VALUES, SECOND_NAMES
from xec_train.config.keys import accepts_null, all_keys
from xec_train.config.problems import describe_errors
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import read_yaml
from xec_train.errors import ConfigError
from xec_train.objectives.table import DEFAULT, OBJECTIVES

_COMMAND_LINE = "command line"


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration, and notes for the user, one line each."""

    config: TrainConfig
    notes: tuple[str, ...] = ()


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read a configuration file and the command line that changes it.

    Parameters
    ----------
    path
        YAML file.
    overrides
        ``section.key=value`` and flags, as on the command line.

    Returns
    -------
    LoadedConfig
        The configuration, every default filled in, and notes on deprecated values.

    Raises
    ------
    ConfigError
        With every problem of file and command line, one line each.
    """
    arguments = parse_arguments(overrides)
    extra = [f"{name}: unexpected; expected section.key=value or a flag" for name in arguments.files]
    return _load(Path(path), arguments, extra)


def load_command_line(tokens: Sequence[str]) -> LoadedConfig:
    """Read a configuration as `load_config` does; the file is one of the words.

    Raises
    ------
    ConfigError
        If there is no file among them, or several, and as `load_config`.
    """
    arguments = parse_arguments(tokens)
    if len(arguments.files) != 1:
        names = arguments.files
        found = f"found {len(names)}: {', '.join(names)}" if names else "found none"
        raise ConfigError(
            f"expected one configuration file, {found} ('xec config new -o run.yaml' writes one)"
        )
    return _load(Path(arguments.files[0]), arguments)


def _load(path: Path, arguments: Arguments, problems: Sequence[str] = ()) -> LoadedConfig:
    data = read_config_file(path)
    moved, in_file = _resolve_second_names(data)
    accepted = tuple(moved)
    alone = deepcopy(data)
    in_words = [*problems, *arguments.problems]
    for assignment in arguments.assignments:
        in_words += assign(data, assignment)
        moved += [assignment.spelling] if assignment.spelling in SECOND_NAMES else []
    config, found = validated(data)
    # What is wrong without the command line, too, is wrong in the file.
    known = validated(alone)[1] if found and arguments.assignments else found
    in_file += [line for line in found if line in known]
    in_words += [line for line in found if line not in known]
    if config is None or in_file or in_words:
        earlier = describe_earlier(path, alone, accepted)
        if earlier is not None:
            # Its keys are told by the conversion, with what becomes of each.
            raise ConfigError(f"{path}: {earlier}")
        raise _report(str(path), in_file, in_words, _remedy(path, data))
    return LoadedConfig(config, (*_notes_on_names(moved), *_notes(config)))


def validated(data: dict[str, Any]) -> tuple[TrainConfig | None, list[str]]:
    """Return the configuration of sections with keys, or None and a line for each problem."""
    try:
        return TrainConfig.model_validate(_with_required_sections(data)), []
    except ValidationError as error:
        objective = str(data.get("objective", DEFAULT))
        return None, describe_errors(error, objective if objective in OBJECTIVES else DEFAULT)


def read_config_file(path: Path) -> dict[str, Any]:
    """Read the sections of a file, whatever keys they have.

    Raises
    ------
    ConfigError
        If there is no such file, or it has no sections.
    """
    if not path.exists():
        beside = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ConfigError(
            f"no such configuration file: {path}{did_you_mean(path.name, beside)}; "
            f"'xec config new -o {path}' writes one"
        )
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is no text file, expected a configuration; for one that goes on from a checkpoint: "
            "'xec config new --checkpoint CHECKPOINT -o run.yaml'"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read as a text file: {error}") from error
    data = read_yaml(text, str(path))
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: found {_short(data)}, expected sections such as 'data:' with keys below")
    return _without_empty_sections(data)


def _without_empty_sections(data: dict[Any, Any]) -> dict[str, Any]:
    # `training:` with every key commented out is an empty section, not a null.
    known = all_keys()
    return {
        str(name): {} if value is None and name in known and known[name].section else value
        for name, value in data.items()
    }


def _with_required_sections(data: dict[str, Any]) -> dict[str, Any]:
    required = [k.path for k in all_keys().values() if k.section and k.field.is_required()]
    return {**{path: {} for path in required}, **data}


def _resolve_second_names(data: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Replace second names of keys; return those that were found, and problems."""
    found, problems = [], []
    for second, names in SECOND_NAMES.items():
        section_name, _, name = second.rpartition(".")
        section = data.get(section_name)
        if not isinstance(section, dict) or name not in section:
            continue
        found.append(second)
        value = section.pop(name)
        for first in names:
            if value is None and accepts_null(first) and _given(data, first):
                continue
            if _given(data, first) and not (accepts_null(first) and _value(data, first) is None):
                problems.append(f"{first}: given twice, as {first} and as {second}; expected one of them")
            else:
                problems += assign(data, Assignment(first, value, second))
    return found, problems


def _given(data: dict[str, Any], key: str) -> bool:
    *parents, name = key.split(".")
    section = _value(data, ".".join(parents))
    return isinstance(section, dict) and name in section


def _value(data: dict[str, Any], key: str) -> Any:
    value: Any = data
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def assign(data: dict[str, Any], assignment: Assignment) -> list[str]:
    """Set a key in sections with keys; return problems."""
    *parents, name = assignment.key.split(".")
    section = data
    for depth, parent in enumerate(parents):
        child = section.setdefault(parent, {})
        if not isinstance(child, dict):
            where = ".".join(parents[: depth + 1])
            return [f"{assignment.spelling}: {where} is {_short(child)} in the file, expected a section"]
        section = child
    section[name] = assignment.value
    return []


def _notes_on_names(names: Sequence[str]) -> tuple[str, ...]:
    moves = [f"{name} is {DEPRECATED_NAMES[name]}" for name in names if name in DEPRECATED_NAMES]
    return (f"deprecated names of keys: {', '.join(moves)} now",) if moves else ()


def _notes(config: TrainConfig) -> tuple[str, ...]:
    values = config.model_dump()
    notes = []
    for (key, deprecated), reason in DEPRECATED_VALUES.items():
        section, _, name = key.partition(".")
        if values[section][name] == deprecated:
            notes.append(f"{key}: {deprecated} is deprecated: {reason}")
    return tuple(notes)


def _remedy(path: Path, data: Mapping[str, Any]) -> list[str]:
    """Return a last line for a file that has keys of the earlier system."""
    marked = marked_objective(data)
    if unread_keys(data):
        return [f"if this is a file of xec-ml-wl: '{convert_command(path)}' makes it one of xec"]
    if "objective" not in data and marked is not None and marked[0] != DEFAULT:
        objective, key = marked
        return [f"no objective is stated, so it is {DEFAULT}; {key} is a key of 'objective: {objective}'"]
    return []


def _report(
    source: str, in_file: Sequence[str], in_words: Sequence[str], remedy: Sequence[str]
) -> ConfigError:
    problems = [*in_file, *(f"{_COMMAND_LINE}: {line}" for line in in_words)]
    if len(problems) == 1:
        first = f"{source}: {problems[0]}" if in_file else problems[0]
        return ConfigError("\n  ".join([first, *remedy]))
    return ConfigError("\n  ".join([f"{source}: {len(problems)} problems", *problems, *remedy]))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
