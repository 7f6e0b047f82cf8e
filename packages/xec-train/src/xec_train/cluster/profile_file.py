"""Reading of ``cluster.yaml``, and of options that change a profile, with all errors at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from xec_geometry.errors import did_you_mean
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.profile import ClusterFile, Environment, Profile
from xec_train.config.yaml_text import read_yaml
from xec_train.errors import ConfigError

ModelT = TypeVar("ModelT", bound=BaseModel)

_OWN_WORDS = "Value error, "
_DICTIONARIES: Mapping[str, type[BaseModel]] = {"profiles": Profile, "environments": Environment}


def default_path() -> Path:
    """Return where the file is looked for: ``~/.config/xec/cluster.yaml``, or below ``$XDG_CONFIG_HOME``."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path("~/.config").expanduser()) / "xec" / "cluster.yaml"


def read_cluster_file(path: Path | None = None) -> ClusterFile:
    """Read the profiles and environments of a file.

    Parameters
    ----------
    path
        The file; None: the one at `default_path`, which need not exist.

    Raises
    ------
    ClusterError
        With every problem, one line each, and the nearest valid key of an unknown one.
    """
    if path is None:
        path = default_path()
        if not path.exists():
            return ClusterFile()
    try:
        data = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text file"
        raise ClusterError(f"{path}: cannot be read: {reason}") from error
    except ConfigError as error:
        raise ClusterError(str(error)) from error
    if not isinstance(data, dict):
        raise ClusterError(f"{path}: expected the keys {', '.join(ClusterFile.model_fields)}")
    return _validated(ClusterFile, data, str(path))


def choose_profile(file: ClusterFile, name: str | None, options: Mapping[str, Any]) -> Profile:
    """Return a profile of a file, changed by options of the command line.

    Parameters
    ----------
    file
        The file.
    name
        Name of the profile; None: the default one, or one that asks for nothing.
    options
        Key of the profile → value; None: as the profile says.

    Raises
    ------
    ClusterError
        If there is no such profile, or an option is not valid.
    """
    name = name or file.default
    if name is not None and name not in file.profiles:
        known = ", ".join(file.profiles) or f"none, {default_path()} has none"
        raise ClusterError(f"no profile '{name}'{did_you_mean(name, file.profiles)}; profiles: {known}")
    profile = file.profiles[name] if name is not None else Profile()
    given = {key: value for key, value in options.items() if value is not None}
    return _validated(Profile, {**profile.model_dump(), **given}, "options")


def _validated(model: type[ModelT], data: Mapping[str, Any], source: str) -> ModelT:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        items = error.errors(include_url=False)
    problems = list(dict.fromkeys(_line(model, dict(item)) for item in items))
    if len(problems) == 1:
        raise ClusterError(f"{source}: {problems[0]}")
    raise ClusterError("\n  ".join([f"{source}: {len(problems)} problems", *problems]))


def _line(model: type[BaseModel], item: Mapping[str, Any]) -> str:
    place: Sequence[Any] = item["loc"]
    # The alternatives of a union, and other inner steps, are no part of the key.
    known = model
    if model is ClusterFile and len(place) > 1:
        known = _DICTIONARIES.get(str(place[0]), model)
    depth = 3 if known is not model else 1
    key = ".".join(str(part) for part in place[:depth])
    kind, message = item["type"], str(item["msg"]).removeprefix(_OWN_WORDS)
    if kind == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(str(place[-1]), known.model_fields)}"
    if kind == "missing":
        return f"{key}: missing; expected {known.model_fields[str(place[-1])].description}"
    if kind == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key}: found {item['input']!r}; {message[0].lower()}{message[1:]}"
