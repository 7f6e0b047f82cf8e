"""Values of parameters: as optuna's distributions, as a grid, and at their ends."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from xec_train.config.keys import kind_of_number
from xec_train.config.yaml_text import write_scalar
from xec_train.scan.space import Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Point = dict[str, Any]

_MOST_COMBINATIONS = 512
_ROUNDING = 1e-9  # of a step


def distribution(key: str, parameter: Parameter) -> BaseDistribution:
    """Return the values of a key as a distribution of optuna."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.choices is not None:
        return CategoricalDistribution([stored(choice) for choice in parameter.choices])
    assert parameter.low is not None
    assert parameter.high is not None
    if kind_of_number(key) is int:
        step = int(parameter.step or 1)
        return IntDistribution(int(parameter.low), int(_last(parameter)), log=parameter.log, step=step)
    return FloatDistribution(float(parameter.low), _last(parameter), log=parameter.log, step=parameter.step)


def stored(value: Any) -> Any:
    """Return a choice as a study stores it: lists as text, everything else as it is."""
    return write_scalar(value) if isinstance(value, list | dict) else value


def value_of(parameter: Parameter, in_study: Any) -> Any:
    """Return the value that a study has stored."""
    if parameter.choices is None:
        return in_study
    return next(choice for choice in parameter.choices if stored(choice) == in_study)


def assigned(values: Mapping[str, Any]) -> str:
    """Write values for people: ``training.lr=0.001, model.hidden_dim=64``."""
    return ", ".join(f"{key}={in_words(value)}" for key, value in values.items())


def in_words(value: Any) -> str:
    """Write a value for people."""
    return f"{value:.4g}" if isinstance(value, float) else write_scalar(value)


def grid_values(key: str, parameter: Parameter) -> list[Any] | None:
    """Return all values of a parameter as a study stores them; None if there is no end of them."""
    if parameter.choices is not None:
        return [stored(choice) for choice in parameter.choices]
    assert parameter.low is not None
    step = parameter.step
    if step is None:
        if kind_of_number(key) is not int or parameter.log:
            return None
        step = 1
    values = [parameter.low + number * step for number in range(_n_steps(parameter, step) + 1)]
    # Not 0.30000000000000004.
    return [int(v) if kind_of_number(key) is int else float(f"{v:.12g}") for v in values]


def grid(space: Mapping[str, Parameter]) -> list[Point]:
    """Return every combination of the values of a space, as a study stores them."""
    values = [grid_values(key, parameter) or [] for key, parameter in space.items()]
    return [dict(zip(space, combination, strict=True)) for combination in itertools.product(*values)]


def extremes(space: Mapping[str, Parameter], *, is_grid: bool = False) -> Iterator[Point]:
    """Yield points that show whether all of a space is valid.

    Every combination of the ends of ranges and of choices; if these are many, every end and every choice
    with the first values of the others.

    Parameters
    ----------
    space
        The parameters.
    is_grid
        Whether there are no other points than those of the grid.
    """
    ends = {
        key: parameter.choices if parameter.choices is not None else _ends(key, parameter, is_grid)
        for key, parameter in space.items()
    }
    if math.prod(len(values) for values in ends.values()) <= _MOST_COMBINATIONS:
        for combination in itertools.product(*ends.values()):
            yield dict(zip(ends, combination, strict=True))
        return
    first = {key: values[0] for key, values in ends.items()}
    yield first
    for key, values in ends.items():
        for value in values[1:]:
            yield {**first, key: value}


def _ends(key: str, parameter: Parameter, is_grid: bool) -> list[Any]:
    whole = kind_of_number(key) is int
    values = grid_values(key, parameter) if is_grid else [parameter.low, _last(parameter)]
    ends = dict.fromkeys(int(v) if whole else float(v) for v in values or [] if v is not None)
    return list(ends)


def _last(parameter: Parameter) -> float:
    """Return the largest value: of steps, the last one that is not beyond the range."""
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.step is None:
        return float(parameter.high)
    return float(f"{parameter.low + _n_steps(parameter, parameter.step) * parameter.step:.12g}")


def _n_steps(parameter: Parameter, step: float) -> int:
    assert parameter.low is not None
    assert parameter.high is not None
    return math.floor((parameter.high - parameter.low) / step + _ROUNDING)
