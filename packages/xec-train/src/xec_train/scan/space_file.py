"""Reading of a space file, with all its errors at once: its keys, and what they mean for a configuration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from xec_geometry.errors import did_you_mean
from xec_geometry.support.input import read_text
from xec_geometry.support.text import first_line
from xec_train.config.arguments import Assignment
from xec_train.config.keys import all_keys, kind_of_number, nearest_key, objectives_with
from xec_train.config.loading import assign, validated
from xec_train.config.train_config import TrainConfig
from xec_train.config.yaml_text import read_yaml
from xec_train.errors import ConfigError
from xec_train.scan.errors import ScanError
from xec_train.scan.metrics import metric_problem, remarks
from xec_train.scan.points import Point, assigned, extremes, grid_values
from xec_train.scan.pruners import PRUNERS
from xec_train.scan.samplers import SAMPLERS
from xec_train.scan.space import (
    NAME,
    Method,
    Parameter,
    PrunerChoice,
    SamplerChoice,
    Search,
    SpaceFile,
    StepSection,
)

_OWN_WORDS = "Value error, "
# The scan itself decides about these.
_OF_THE_SCAN = ("checkpoint.save_dir", "checkpoint.save_artifacts", "mlflow", "objective", "distributed")
_MODELS: Mapping[str, type[BaseModel]] = {"sampler": SamplerChoice, "pruner": PrunerChoice}


def read_space(path: Path, config: TrainConfig) -> tuple[SpaceFile, tuple[str, ...]]:
    """Read a space file, and check it against the configuration whose keys it names.

    Parameters
    ----------
    path
        YAML file.
    config
        The configuration.

    Returns
    -------
    SpaceFile, tuple of str
        The file, and notes for the user.

    Raises
    ------
    ScanError
        With every problem, one line each.
    """
    data = _read(path)
    space, problems = parse_space(data, default_name=path.stem)
    if space is not None:
        problems += [line for line in _problems(space, config) if line not in problems]
    if space is None or problems:
        raise _report(str(path), list(dict.fromkeys([*_unknown_keys(data, config), *problems])))
    return space, tuple(remarks(space))


def parse_space(data: Mapping[str, Any], default_name: str) -> tuple[SpaceFile | None, list[str]]:
    """Return what a space file says, or None, and a line for each problem of its own keys."""
    named = {"name": re.sub(r"[^A-Za-z0-9_.-]+", "-", default_name).strip("-.") or "scan", **data}
    try:
        return SpaceFile.model_validate(named), []
    except ValidationError as error:
        return None, list(dict.fromkeys(map(_line, error.errors(include_url=False))))


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """Return what a configuration states, without what follows from it."""
    return config.model_dump(mode="json", exclude_unset=True)


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[TrainConfig | None, list[str]]:
    """Return the configuration of settings with changes by dotted key, or None and its problems."""
    data = deepcopy(dict(settings))
    problems = [line for key, value in changes.items() for line in assign(data, Assignment(key, value, key))]
    config, found = validated(data)
    return config, [*problems, *found]


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        beside = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ScanError(f"no such space file: {path}{did_you_mean(path.name, beside)}")
    try:
        data = read_yaml(read_text(path), str(path))
    except UnicodeDecodeError as error:
        raise ScanError(f"{path} is no text file, expected a space file") from error
    except OSError as error:
        raise ScanError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ConfigError as error:
        raise ScanError(str(error)) from error
    if not isinstance(data, dict):
        raise ScanError(f"{path}: expected keys such as 'space:' and 'trials:'")
    return {str(key): value for key, value in data.items()}


def _report(source: str, problems: Sequence[str]) -> ScanError:
    if len(problems) == 1:
        return ScanError(f"{source}: {problems[0]}")
    return ScanError("\n  ".join([f"{source}: {len(problems)} problems", *problems]))


def _line(item: Any) -> str:
    """Return an error of pydantic in the terms of the file."""
    place = [part for part in item["loc"] if not str(part).startswith(("function-", "constrained-"))]
    kind, message = item["type"], str(item["msg"]).removeprefix(_OWN_WORDS)
    # Inner alternatives of a number are no part of the key.
    while place and place[-1] in ("int", "float"):
        place.pop()
    path, model = ".".join(map(str, place)), _model(place[:-1])
    if kind == "extra_forbidden":
        return f"{path}: unknown key{did_you_mean(str(place[-1]), model.model_fields)}"
    if kind == "missing":
        return f"{path}: missing; expected {model.model_fields[str(place[-1])].description}"
    if kind == "value_error":
        return f"{path}: {message}" if path else message
    if kind == "string_pattern_mismatch":
        return f"{path}: found {item['input']!r}, expected a name that matches {NAME}"
    if message.startswith("unknown "):
        return f"{path.removesuffix('.name')}: {message}"
    return f"{path}: found {item['input']!r}; {message[0].lower()}{message[1:]}"


def _model(place: Sequence[Any]) -> type[BaseModel]:
    """Return the section that stands at a place."""
    if place and place[-1] in _MODELS:
        return _MODELS[str(place[-1])]
    if len(place) > 1 and place[-2] == "space":
        return Parameter
    return StepSection if place and place[0] == "steps" else SpaceFile


def _unknown_keys(data: Mapping[str, Any], config: TrainConfig) -> Iterator[str]:
    """Yield problems of names of keys, also if the file cannot be used for other reasons."""
    steps = data.get("steps")
    sections = [("", data)]
    if isinstance(steps, list):
        sections += [(f"steps.{i}.", step) for i, step in enumerate(steps) if isinstance(step, dict)]
    for prefix, section in sections:
        for name in ("space", "settings"):
            if isinstance(keys := section.get(name), dict):
                for key in keys:
                    if problem := _key_problem(str(key), config):
                        yield f"{prefix}{name}.{key}: {problem}"


def _key_problem(key: str, config: TrainConfig) -> str:
    keys = all_keys(config.objective)
    if any(key == own or key.startswith(f"{own}.") for own in _OF_THE_SCAN):
        return "the scan itself decides about this key"
    if key not in keys and (others := objectives_with(key)):
        return (
            f"found objective: {config.objective}, expected {' or '.join(others)}: only these have this key"
        )
    if key not in keys:
        return f"unknown key{nearest_key(key, config.objective)}"
    if keys[key].section is not None:
        inside = [path for path in keys if path.startswith(f"{key}.")]
        return f"is a section; expected a key, such as {inside[0]}" if inside else "is a section"
    return ""


def _problems(space: SpaceFile, config: TrainConfig) -> list[str]:
    problems: list[str] = []
    settings = settings_of(config)
    taken: dict[str, Any] = {}
    for search in space.searches:
        prefix = search.place.removesuffix("space")
        problems += _method_problems(f"{prefix}sampler", SAMPLERS[search.sampler.name], search.sampler)
        problems += _method_problems(f"{prefix}pruner", PRUNERS[search.pruner.name], search.pruner)
        if not search.space:
            problems.append(f"{search.place}: no keys, expected at least one")
        keys = [(search.place, key) for key in search.space]
        keys += [(f"{prefix}settings", key) for key in search.settings]
        bad = [f"{place}.{key}: {text}" for place, key in keys if (text := _key_problem(key, config))]
        both = sorted(set(search.space) & set(search.settings))
        bad += [f"{search.place}.{key}: is a setting, too; expected one of them" for key in both]
        if not bad:
            bad += _parameter_problems(search)
        if not bad:
            # What a step takes over lies between the ends of the steps before.
            fixed = {} if search.from_best == "nothing" else taken
            bad += _value_problems(search, settings, fixed)
            # Settings and choices decide about tasks, and about what is tracked.
            first, _ = changed(settings, {**fixed, **search.settings, **next(extremes(search.space), {})})
            if first is not None and (problem := metric_problem(space.metric, first)):
                problems = list(dict.fromkeys([problem, *problems]))
        problems += bad
        taken = {**taken, **next(extremes(search.space), {})} if not bad else taken
    return problems


def _method_problems(place: str, entry: Any, method: Method) -> list[str]:
    parameters = inspect.signature(entry.factory()).parameters
    known = [
        name for name in parameters if name not in ("self", "seed", *(getattr(entry, "fixed", None) or ()))
    ]
    unknown = [name for name in method.options if name not in known]
    if unknown:
        options = ", ".join(known) or "none"
        return [
            f"{place}.{name}: unknown option of {method.name}{did_you_mean(name, known)}; options: {options}"
            for name in unknown
        ]
    try:
        entry.build(0, method.options) if isinstance(method, SamplerChoice) else entry.build(method.options)
    except ImportError as error:
        return [f"{place}: {method.name} needs a package that is not installed: {first_line(error)}"]
    except Exception as error:
        return [f"{place}: {method.name} cannot be built: {first_line(error)}"]
    return []


def _parameter_problems(search: Search) -> Iterator[str]:
    for key, parameter in search.space.items():
        place, number = f"{search.place}.{key}", kind_of_number(key)
        if parameter.choices is None:
            if number is None:
                yield f"{place}: found a range, but this key takes no number; expected a list of choices"
                continue
            values = (parameter.low, parameter.high, parameter.step)
            if number is int and any(value is not None and value != int(value) for value in values):
                yield f"{place}: found a number with a fraction, expected integers"
                continue
        if search.is_grid and grid_values(key, parameter) is None:
            yield f"{place}: a grid needs values one by one; expected a list of choices, or step"
    prefix = search.place.removesuffix("space")
    if search.is_grid and search.trials is not None:
        yield f"{prefix}trials: found {search.trials}, expected none: a grid has as many trials as points"
    if not search.is_grid and search.trials is None:
        yield f"{prefix}trials: missing; expected a number of trials"


def _value_problems(search: Search, settings: Mapping[str, Any], taken: Mapping[str, Any]) -> list[str]:
    """Return what is not valid at the ends of the ranges and among the choices."""
    where: dict[str, list[Point]] = {}
    n_points = 0
    for point in extremes(search.space, is_grid=search.is_grid):
        n_points += 1
        _, found = changed(settings, {**taken, **search.settings, **point})
        for line in found:
            where.setdefault(line, []).append(point)
    lines: dict[tuple[str, str], str] = {}
    for line, points in where.items():
        # The values that all these points share are to blame.
        shared = {k: v for k, v in points[0].items() if all(point[k] == v for point in points)}
        varied = {k: v for k, v in shared.items() if len(points) < n_points and _is_varied(search, k)}
        key = line.partition(":")[0]
        text = line if len(points) == n_points else f"{assigned(varied or points[0])}: {line}"
        lines.setdefault((key, assigned(varied)), text)
    return [f"{search.place}: {text}" for text in lines.values()]


def _is_varied(search: Search, key: str) -> bool:
    parameter = search.space[key]
    return len(parameter.choices) > 1 if parameter.choices is not None else parameter.low != parameter.high
