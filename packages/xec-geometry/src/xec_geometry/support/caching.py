"""Cached functions with typed arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

ParametersP = ParamSpec("ParametersP")
ResultT = TypeVar("ResultT")


def cache(function: Callable[ParametersP, ResultT]) -> Callable[ParametersP, ResultT]:
    """Remember the results of a function, as `functools.cache` does, and keep the types of its arguments.

    To a type checker a function of `functools.cache` takes anything that can be hashed.
    """
    cached: Callable[..., ResultT] = functools.cache(function)
    return cached
