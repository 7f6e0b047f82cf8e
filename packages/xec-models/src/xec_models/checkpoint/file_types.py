"""The types of what stands in a checkpoint file: a file of others may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from xec_geometry.support.text import shortened
from xec_models.errors import CheckpointError

State = dict[str, Tensor]
Section = dict[str, Any]
_PAIR = Field(min_length=2, max_length=2)


class _Typed(BaseModel):
    model_config = ConfigDict(strict=True, arbitrary_types_allowed=True, extra="ignore")


class _Sections(_Typed):
    model: Section | None = None
    normalization: Section | None = None
    tasks: dict[str, Section] | None = None
    data: Section | None = None


class _Label(_Typed):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    unit: str
    symbol: str


class _Random(_Typed):
    torch: Tensor
    cuda: Sequence[Tensor] | None = None


class _Means(_Typed):
    sums: dict[str, Tensor | float]
    n_events: int


class _Sampler(_Means):
    batch: int


class _Process(_Typed):
    rng: _Random
    means: _Means


class _Content(_Typed):
    kind: str
    config: dict[str, Any]
    layout: str
    geometry_hash: str
    model: State
    ema_model: State | None = None
    normalization: Section | None = None
    versions: dict[str, str] | None = None
    git_revision: str | None = None
    mlflow_run_id: str | None = None
    converted_from: str | None = None
    outputs: dict[str, Sequence[_Label]] = {}
    sigma_factors: dict[str, Sequence[float]] | None = None
    residual_factors: dict[str, Sequence[float]] | None = None
    epoch: int | None = None
    inputs: dict[str, Annotated[Sequence[float], _PAIR]] | None = None


class _Training(_Typed):
    optimizer: Section
    scheduler: Section
    sampler: _Sampler
    rng: _Random
    step: int
    best_value: float
    scaler: Section | None = None
    bad_steps: Annotated[Sequence[int], _PAIR] | None = None
    largest_gradient: float = 0.0
    timing: dict[str, float] | None = None
    ema_updates: int = 0
    processes: Sequence[_Process] | None = None
    objective: State | None = None
    ema_objective: State | None = None


def check_content(content: Mapping[Any, Any], source: str) -> None:
    """Check the types of a checkpoint's content, without the state of its training.

    Raises
    ------
    CheckpointError
        Naming the first value of another type.
    """
    _check(_Content, content, source)
    _check_plain(content["config"], f"{source}: config")
    _check(_Sections, content["config"], f"{source}: config")


def _check_plain(value: object, place: str) -> None:
    """Refuse tensors where a configuration has numbers and words."""
    if isinstance(value, Tensor):
        raise CheckpointError(f"{place} is a tensor; expected a number or a word")
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for name, part in inner:
        _check_plain(part, f"{place}.{name}")


def check_training(content: Mapping[Any, Any], source: str) -> None:
    """Check the types of the state of a training.

    Raises
    ------
    CheckpointError
        Naming the first value that is missing or of another type.
    """
    _check(_Training, content, source)


def _check(kind: type[BaseModel], content: Mapping[Any, Any], source: str) -> None:
    try:
        kind.model_validate({name: value for name, value in content.items() if name in kind.model_fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise CheckpointError(f"{source}: the state of its training has no '{where}'") from error
        shown = type(first["input"]).__name__
        if isinstance(first["input"], str | int | float):
            shown = shortened(repr(first["input"]))
        raise CheckpointError(f"{source}: '{where}' is {shown}: {first['msg']}") from error
