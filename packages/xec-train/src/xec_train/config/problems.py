"""Errors of a configuration, in the terms of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from xec_geometry.errors import did_you_mean
from xec_train.config.earlier.table import earlier_key
from xec_train.config.earlier.values import EarlierConfig
from xec_train.config.keys import all_keys, choices, expectation, nearest_key, objectives_with

_OWN_WORDS = "Value error, "
# A default that follows from another key, whose error is listed by itself.
_CONSEQUENCE = "default_factory_not_called"


def describe_errors(error: ValidationError, objective: str) -> list[str]:
    """Turn pydantic's errors into one line per key.

    Parameters
    ----------
    error
        Error of the validation of a `TrainConfig`.
    objective
        Its objective, which determines the valid keys.

    Returns
    -------
    list of str
        ``path: found X, expected Y``, each key once.
    """
    lines: dict[str, str] = {}
    for item in error.errors(include_url=False):
        if item["type"] == _CONSEQUENCE:
            continue
        path = _path(item["loc"], objective)
        # The alternatives of a union come as one error each; the first line names them all.
        lines.setdefault(path, f"{path}: {_describe(path, objective, dict(item))}")
    return list(lines.values())


def _path(location: Sequence[int | str], objective: str) -> str:
    """Return the dotted key of pydantic's location, without tags of unions and indices of lists."""
    keys, path = all_keys(objective), ""
    for part in location:
        longer = f"{path}.{part}" if path else str(part)
        if path in keys and keys[path].section is None:
            break
        path = longer
    return path


def _describe(path: str, objective: str, item: dict[str, Any]) -> str:
    kind, message = str(item["type"]), str(item["msg"])
    if kind == "extra_forbidden":
        entry, others = earlier_key(path), objectives_with(path)
        if entry is not None and not entry.accepted and not others:
            what = "not in this form" if path in entry.new else "no key of xec"
            return f"{what}: {entry.explanation}"
        if others:
            return f"found objective: {objective}, expected {' or '.join(others)}: only these have this key"
        return f"unknown key{nearest_key(path, objective)}"
    if kind == "missing":
        return f"missing; expected {_meaning(path, objective)}"
    if kind == "value_error":
        return message.removeprefix(_OWN_WORDS)
    if path not in all_keys(objective):
        return f"found {_short(item['input'])}, {message}"
    hint = did_you_mean(str(item["input"]), choices(path, objective)) or _meant_there(path, item["input"])
    return f"found {_short(item['input'])}, expected {expectation(path, objective)}{hint}"


def _meant_there(path: str, value: Any) -> str:
    """Hint at what a value of the earlier system is here."""
    entry = earlier_key(path)
    if entry is None or entry.translate is None:
        return ""
    there = entry.translate(value, path, EarlierConfig())[0]
    return "" if there == value else f" ({entry.explanation})"


def _meaning(path: str, objective: str) -> str:
    key = all_keys(objective).get(path)
    return (key.field.description if key else None) or "a value"


def _short(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
