"""The list of all keys of the configuration, with a description of the values that each expects."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from xec_data.configuration.choice import OneOf, Remark
from xec_train.config.flags import FLAGS, SECOND_NAMES
from xec_train.config.train_config import TrainConfig
from xec_train.objectives.table import OBJECTIVES


@dataclass(frozen=True)
class Key:
    """A key: its dotted path and its field; `section` is the model behind it if it is a section."""

    path: str
    field: FieldInfo
    section: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


# The order for readers; a subclass can only append fields.
_ORDER = (
    *("objective", "data", "geometry", "normalization", "model", "tasks", "loss_balance", "training"),
    *("reweighting", "distributed", "checkpoint", "mlflow", "tensorboard", "export"),
)


def sort_sections(names: Iterable[str]) -> list[str]:
    """Sort the names of sections in the order of a written configuration."""
    return sorted(names, key=_ORDER.index)


def walk(model: type[TrainConfig]) -> Iterator[Key]:
    """Yield every section and key of a configuration in their order, a section before its keys."""
    for name in sort_sections(model.model_fields):
        yield from _walk(name, model.model_fields[name])


def _walk(path: str, field: FieldInfo) -> Iterator[Key]:
    section = _section(field)
    yield Key(path, field, section)
    if section is not None:
        for name, inner in section.model_fields.items():
            yield from _walk(f"{path}.{name}", inner)


@cache
def all_keys(objective: str | None = None) -> dict[str, Key]:
    """Return every key and section by its path, of one objective or of all."""
    if objective is not None and objective in OBJECTIVES:
        return {key.path: key for key in walk(OBJECTIVES[objective].config_class)}
    every: dict[str, Key] = {}
    for name in OBJECTIVES:
        every = {**all_keys(name), **every}
    return every


def objectives_with(path: str) -> list[str]:
    """Return the objectives whose configurations have a key."""
    return [name for name in OBJECTIVES if path in all_keys(name)]


def nearest_key(path: str, objective: str | None = None) -> str:
    """Hint at the valid key nearest to an unknown one, looking in its section first.

    Parameters
    ----------
    path
        The unknown dotted path.
    objective
        Name of the objective; None: keys of all objectives.

    Returns
    -------
    str
        ``" (did you mean 'data.batch_size'?)"`` or an empty string.
    """
    parent, _, name = path.rpartition(".")
    leaf = name.lower().replace("-", "_")
    if leaf in FLAGS:
        return f" (did you mean {FLAGS[leaf].keys[0]!r}?)"
    keys = list(all_keys(objective).values())
    siblings = {key.name.lower(): key.path for key in keys if key.path.rpartition(".")[0] == parent}
    everywhere = {key.name.lower(): key.path for key in reversed(keys)}
    # The same word in another section is more likely meant than a similar one in this section.
    for names, similarity in ((siblings, 0.9), (everywhere, 0.9), (siblings, 0.6), (everywhere, 0.6)):
        if near := difflib.get_close_matches(leaf, names, n=1, cutoff=similarity):
            return f" (did you mean {names[near[0]]!r}?)"
    return ""


def expectation(path: str, objective: str | None = None) -> str:
    """Describe the values that a key expects: ``an integer ≥ 1 or null``."""
    key = all_keys(objective)[path]
    if key.section is not None:
        return "a section with keys"
    return _in_words(key.field.annotation, key.field.metadata)


def choices(path: str, objective: str | None = None) -> tuple[str, ...]:
    """Return the words that a key accepts; empty if it is not a choice."""
    field = all_keys(objective)[path].field
    return tuple(_words(field.annotation, field.metadata))


def table_of(path: str, objective: str | None = None) -> OneOf | None:
    """Return the table that the choices of a key come from; None if there is none."""
    field = all_keys(objective)[path].field
    tables = (_one_of(metadata) for _, metadata in _flat(field.annotation, field.metadata))
    return next((table for table in tables if table is not None), None)


def remarks(key: Key) -> list[str]:
    """Return what tables add to the description of a key."""
    return [item.text() for item in key.field.metadata if isinstance(item, Remark)]


def is_fixed(key: Key) -> bool:
    """Return whether a key has a single valid value."""
    kind = key.field.annotation
    return get_origin(kind) is Literal and len(get_args(kind)) == 1


def kind_of_number(path: str, objective: str | None = None) -> type[int] | type[float] | None:
    """Return the kind of number that a key accepts: float, int if only these, None if none."""
    field = all_keys(objective)[path].field
    kinds = {kind for kind, _ in _flat(field.annotation, field.metadata)}
    return float if float in kinds else int if int in kinds else None


def accepts_text(path: str) -> bool:
    """Return whether any text is a valid value of a key."""
    key = all_keys().get(path)
    return key is not None and any(
        kind is str and _one_of(metadata) is None
        for kind, metadata in _flat(key.field.annotation, key.field.metadata)
    )


def accepts_null(path: str) -> bool:
    """Return whether null is a valid value of a key."""
    key = all_keys().get(path)
    return key is not None and type(None) in _alternatives(key.field.annotation)


def accepts_list(path: str) -> bool:
    """Return whether a list is a valid value of a key."""
    key = all_keys().get(path)
    return key is not None and any(
        get_origin(kind) in (list, tuple) for kind in _alternatives(key.field.annotation)
    )


def canonical(path: str) -> tuple[str, ...]:
    """Return the keys that a dotted path sets: itself, or those that it is a second name of."""
    return SECOND_NAMES.get(path, (path,))


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _flat(annotation: Any, metadata: Sequence[Any] = ()) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield every allowed type, also in lists, with its annotations."""
    for kind in _alternatives(annotation):
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            yield from _flat(arguments[0], arguments[1:])
        elif origin is list:
            yield from _flat(arguments[0])
        else:
            yield kind, metadata


def _words(annotation: Any, metadata: Sequence[Any]) -> Iterator[str]:
    for kind, around in _flat(annotation, metadata):
        table = _one_of(around)
        if get_origin(kind) is Literal:
            yield from (str(word) for word in get_args(kind))
        elif kind is str and table is not None:
            yield from table.names


def _one_of(metadata: Iterable[Any]) -> OneOf | None:
    return next((item for item in metadata if isinstance(item, OneOf)), None)


_KINDS: dict[Any, str] = {
    int: "an integer", float: "a number", bool: "true or false", str: "text", type(None): "null",
}  # fmt: skip
_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def _in_words(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    return " or ".join(dict.fromkeys(_kind_in_words(kind, metadata) for kind in _alternatives(annotation)))


def _kind_in_words(kind: Any, metadata: Sequence[Any]) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    table = _one_of(metadata)
    if origin is Annotated:
        return _in_words(arguments[0], arguments[1:])
    if origin is Literal:
        return _one_word([str(word).lower() if isinstance(word, bool) else str(word) for word in arguments])
    if kind is str and table is not None:
        return _one_word(table.names)
    if origin is list:
        return f"{_in_words(arguments[0])} or a list of it"
    if origin is dict:
        return f"{_in_words(arguments[1])} for each of {', '.join(_words(arguments[0], ()))}"
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"a list, each {_in_words(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: [{', '.join(_in_words(part) for part in arguments)}]"
    words_of_kind = _KINDS.get(kind, str(kind))
    return words_of_kind + _limits(metadata) if kind in (int, float) else words_of_kind


def _one_word(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"


def _limits(metadata: Iterable[Any]) -> str:
    parts = [part for item in metadata for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
    found = [
        f"{sign} {getattr(item, name):g}"
        for item in parts
        for name, sign in _BOUNDS.items()
        if getattr(item, name, None) is not None
    ]
    return f" {' and '.join(found)}" if found else ""
