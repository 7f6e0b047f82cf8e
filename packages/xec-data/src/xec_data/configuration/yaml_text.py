"""YAML as people write it: ``1e-4`` is a number, a key given twice is an error, ``off`` stays a word."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from xec_data.errors import DataError
from xec_geometry.support.text import first_line

_MOST_VALUES = 100_000

# The core schema of YAML 1.2. PyYAML's own rules are those of 1.1: they read 1e-4 as text, off as
# false, 2026-11-21 as a date and 1:30 as ninety.
_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
     "-+0123456789."),
)  # fmt: skip


class _Loader(yaml.SafeLoader):
    """A safe loader with the resolvers above that refuses duplicate keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if isinstance(node, MappingNode):
            self._refuse_duplicates(node)
        return super().construct_mapping(node, deep=deep)

    def _refuse_duplicates(self, node: MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{name}' was already given in line {lines[name]}",
                    problem_mark=key.start_mark,
                )
            lines[name] = line


def _number(_loader: _Loader, node: Node) -> int:
    return int(str(node.value))


class SafeDumper(yaml.SafeDumper):
    """A safe dumper that quotes text which is a number or word to the loader above, or to PyYAML's own."""

    def represent_str(self, data: str) -> ScalarNode:
        """Represent text; ends of lines that only YAML knows are escaped, or they would be read as blanks."""
        style = '"' if any(end in data for end in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


SafeDumper.add_representer(str, SafeDumper.represent_str)


_BOTH: tuple[type[yaml.resolver.BaseResolver], ...] = (_Loader, SafeDumper)
for _tag, _pattern, _first in _RESOLVERS:
    for _kind in _BOTH:
        _kind.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}",
            re.compile(f"^(?:{_pattern})$"),
            [c if c != "\0" else "" for c in _first],
        )
# PyYAML would read 010 as eight.
_Loader.add_constructor("tag:yaml.org,2002:int", _number)


def read_yaml(text: str, source: str) -> Any:
    """Parse YAML.

    Parameters
    ----------
    text
        The YAML text.
    source
        Where it comes from, for the message.

    Returns
    -------
    object
        Dictionaries, lists, strings, numbers, booleans and None.

    Raises
    ------
    DataError
        With the line, if the text is no YAML or gives a key twice.
    """
    try:
        return _load(text, source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        hint = "; tabs cannot indent YAML, use spaces" if "\\t" in str(error.problem) else ""
        raise DataError(f"{source}: {where}not valid YAML: {error.problem or error.context}{hint}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise DataError(f"{source}: nested too deeply; expected sections and keys") from error
    # A tag such as !!int before something else, or more digits than Python turns into a number.
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{source}: a value cannot be read: {first_line(error)}") from error


def _load(text: str, source: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_VALUES:
            raise DataError(f"{source}: its aliases stand for more than {_MOST_VALUES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: Node, known: dict[int, int]) -> int:
    """Count the values that a node stands for, those behind aliases as often as they are used."""
    if id(node) in known:
        return known[id(node)]
    # Until it is known: a node within itself has no end.
    known[id(node)] = _MOST_VALUES + 1
    parts = node.value if isinstance(node, CollectionNode) else ()
    inner = chain.from_iterable(parts) if isinstance(node, MappingNode) else parts
    known[id(node)] = 1 + sum(_size(part, known) for part in inner)
    return known[id(node)]
