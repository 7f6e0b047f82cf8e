"""Conversion of a configuration of the earlier system xec-ml-wl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xec_train.config.earlier.recognition import marked_objective
from xec_train.config.earlier.table import EarlierKey, earlier_key
from xec_train.config.earlier.values import EarlierConfig
from xec_train.config.keys import all_keys, nearest_key, objectives_with, sort_sections
from xec_train.config.loading import read_config_file
from xec_train.config.problems import describe_errors
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import write_blocks, write_scalar
from xec_train.errors import ConfigError
from xec_train.objectives.table import DEFAULT, OBJECTIVES

_SCALES = ("npho_scheme", "npho_scale", "npho_scale2", "time_scale", "time_shift")


@dataclass(frozen=True)
class ConvertedConfig:
    """A configuration of xec, and how it came about.

    Attributes
    ----------
    values
        The sections.
    notes
        A line for every key that changed, and for what is not certain.
    """

    values: dict[str, Any]
    notes: tuple[str, ...]

    def text(self, source: str) -> str:
        """Write the file, with the notes as comments."""
        head = [f"# Converted from {source}, a configuration of xec-ml-wl.", *(f"# {n}" for n in self.notes)]
        ordered = {name: self.values[name] for name in sort_sections(self.values)}
        return "\n".join([*head, "", write_blocks(ordered)])


def convert_config(
    path: str | Path, *, objective: str | None = None, angle_unit: str = "deg"
) -> ConvertedConfig:
    """Convert a configuration of the earlier system.

    Parameters
    ----------
    path
        Its YAML file.
    objective
        Objective of the training; None: found from the keys.
    angle_unit
        Unit of emiAng in the files it names, ``deg`` or ``rad``: that of ``loss_beta`` of the angles.

    Returns
    -------
    ConvertedConfig
        A valid configuration, with the same keys in the same order where possible.

    Raises
    ------
    ConfigError
        If the file cannot be read, or has keys or values that neither system knows.
    """
    file = EarlierConfig(read_config_file(Path(path)), angle_unit)
    if objective is not None:
        OBJECTIVES.get_named(objective)
    chosen, notes = _objective(file, objective)
    converted, problems = _Conversion(file, chosen), list[str]()
    for key, value in _leaves(file.sections, "", chosen):
        if key != "objective":
            problems += converted.take(key, value)
    if not problems:
        try:
            TrainConfig.model_validate(converted.values)
        except ValidationError as error:
            problems = describe_errors(error, chosen)
    if problems:
        raise ConfigError("\n  ".join([f"{path}: cannot be converted", *problems]))
    return ConvertedConfig(converted.values, (*notes, *converted.notes, *_uncertain(file)))


class _Conversion:
    """The new sections, and the notes so far."""

    def __init__(self, file: EarlierConfig, objective: str) -> None:
        self.file, self.objective = file, objective
        self.values: dict[str, Any] = {"objective": objective}
        self.notes: list[str] = []

    def take(self, key: str, value: Any) -> list[str]:
        """Convert a key; return problems."""
        entry = earlier_key(key)
        if entry is not None:
            self._translate(entry, key, value)
        elif key in all_keys(self.objective):
            self._set(key, value)
        elif others := objectives_with(key):
            self.notes.append(f"{key}: left out; only the objective {' or '.join(others)} has it")
        else:
            return [f"{key}: unknown key{nearest_key(key, self.objective)}; expected one of xec or xec-ml-wl"]
        return []

    def _translate(self, entry: EarlierKey, key: str, value: Any) -> None:
        if entry.is_left_out:
            self.notes.append(f"{key}: left out; {entry.explanation}")
            return
        names = (key,) if entry.new == (entry.key,) else entry.new
        changed, reason = (value, "") if entry.translate is None else entry.translate(value, key, self.file)
        missing = [name for name in names if name not in all_keys(self.objective)]
        given = [name for name in names if name != key and self.file.get(name) is not None]
        if missing:
            others = " or ".join(objectives_with(missing[0]))
            self.notes.append(f"{key}: left out; only the objective {others} has {missing[0]}")
            return
        if given and value is None:
            return
        if given:
            self.notes.append(f"{key}: left out; {' and '.join(given)}, which took its place, is given too")
            return
        for name in names:
            self._set(name, changed)
        moved = "" if names == (key,) else f"now {' and '.join(names)}"
        other = "" if changed == value else f"{_short(value)} is now {_short(changed)}"
        if moved or other:
            self.notes.append(f"{key}: {'; '.join(part for part in (moved, other, reason) if part)}")

    def _set(self, key: str, value: Any) -> None:
        *parents, name = key.split(".")
        section = self.values
        for parent in parents:
            section = section.setdefault(parent, {})
        if value is not None or name not in section:
            # Null, where another key gave a value, is none.
            section[name] = value


def _objective(file: EarlierConfig, wanted: str | None) -> tuple[str, list[str]]:
    if wanted is not None:
        return wanted, []
    stated = file.sections.get("objective")
    if stated is not None:
        OBJECTIVES.get_named(str(stated))
        return str(stated), []
    marked = marked_objective(file.sections)
    if marked is not None:
        objective, key = marked
        return objective, [f"objective: {objective}, because of {key} (--objective for another)"]
    return DEFAULT, [f"objective: {DEFAULT}, because no key is of another one (--objective for another)"]


def _leaves(values: Mapping[str, Any], parent: str, objective: str) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value; a mapping is a value where a key has it as one."""
    known = all_keys(objective)
    for name, value in values.items():
        key = f"{parent}{name}"
        is_key = earlier_key(key) is not None or (key in known and known[key].section is None)
        if isinstance(value, Mapping) and not is_key:
            yield from _leaves(value, f"{key}.", objective)
        elif value is not None or key not in known or known[key].section is None:
            yield key, value


def _uncertain(file: EarlierConfig) -> Iterator[str]:
    missing = [name for name in _SCALES if file.get(f"normalization.{name}") is None]
    if missing:
        yield (
            f"normalization: {', '.join(missing)} not stated: the values of 'preset: default', which are "
            "those of newer files; 'preset: legacy' has those of older ones"
        )
    tasks = file.get("tasks") or {}
    enabled = [name for name in tasks if file.get(f"tasks.{name}.enabled")]
    if len(enabled) > 1 and file.get("loss_balance") != "auto":
        yield (
            f"tasks: the weights of {', '.join(enabled)} stay, but losses are of standardized numbers here, "
            "not of radians, GeV and cm"
        )


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(part)}" for name, part in value.items())
    return value if isinstance(value, str) else write_scalar(value)
