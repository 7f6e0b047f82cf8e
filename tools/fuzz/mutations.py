"""Strategies that change valid files: bytes, lines of text, and nested values."""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

_INTEGERS = (0, 1, -1, 2, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**31 - 1, -(2**31), 2**30, 10**6)
_FORMATS = (">i", "<i", ">q", "<q", ">h", "<h")
_MOST_CHANGES = 5

ODD_TEXT = (
    "", " ", "\t", "\0", "\ufeff", "\u2028", "\x0b", "\x85", "\r", "1_000", "+7", "-1", "1e5", "1e400", "nan",
    "inf", "-inf", "0x10", "010", "٣", "null", "~", "true", "off", "2026-13-45", "1:30", "9" * 30,
    "9" * 5000, "[", "]", "{", "}", "&a", "*a", "&a [*a]", "!!int x", "!!binary x", "!!timestamp 1", "<<: 1",
    "? x", "- x", "%s", "{0}", "'", '"', "#", "é", "𝒳", "../..", "/", "~nobody/x", "a=b", "::", "x" * 300,
)  # fmt: skip
"""Text that readers stumble over."""

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 2**63, -(2**70), 10**400, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "x", "1", "nan", "é", [], [1], [[]], ["x", None], {}, {"x": 1}, {"": {}}, [[1, 2], [3]],
    "x" * 300,
)  # fmt: skip
"""Values of many types."""


@st.composite
def mutated_bytes(draw: DrawFn, seed: bytes, spots: Sequence[tuple[int, int]] = ()) -> bytes:
    """Change a file in a few places.

    Parameters
    ----------
    draw
        Given by hypothesis.
    seed
        The content of a valid file.
    spots
        Ranges of bytes that are changed more often than others.
    """
    content = bytearray(seed)
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        if not content:
            break
        place = draw(_places(len(content), spots))
        draw(st.sampled_from(_CHANGES))(draw, content, place)
    return bytes(content)


def _places(length: int, spots: Sequence[tuple[int, int]]) -> SearchStrategy[int]:
    inside = [(a, min(b, length) - 1) for a, b in spots if a < min(b, length)]
    return st.one_of(st.integers(0, length - 1), *(st.integers(a, b) for a, b in inside))


def _flip(draw: DrawFn, content: bytearray, place: int) -> None:
    content[place] ^= 1 << draw(st.integers(0, 7))


def _set(draw: DrawFn, content: bytearray, place: int) -> None:
    content[place] = draw(st.integers(0, 255))


def _number(draw: DrawFn, content: bytearray, place: int) -> None:
    form = draw(st.sampled_from(_FORMATS))
    size = struct.calcsize(form)
    number = draw(st.sampled_from(_INTEGERS)) % 256**size
    content[place : place + size] = number.to_bytes(size, "big" if form[0] == ">" else "little")


def _cut(draw: DrawFn, content: bytearray, place: int) -> None:
    del content[place : place + draw(_LENGTHS)]


def _truncate(draw: DrawFn, content: bytearray, place: int) -> None:
    del draw, content[place:]


def _repeat(draw: DrawFn, content: bytearray, place: int) -> None:
    content[place:place] = content[place : place + draw(_LENGTHS)]


def _zero(draw: DrawFn, content: bytearray, place: int) -> None:
    length = min(draw(_LENGTHS), len(content) - place)
    content[place : place + length] = bytes(length)


def _swap(draw: DrawFn, content: bytearray, place: int) -> None:
    other, length = draw(st.integers(0, len(content) - 1)), draw(_LENGTHS)
    first, second = sorted((place, other))
    length = min(length, second - first, len(content) - second)
    one = bytes(content[first : first + length])
    content[first : first + length] = content[second : second + length]
    content[second : second + length] = one


def _insert(draw: DrawFn, content: bytearray, place: int) -> None:
    content[place:place] = draw(st.binary(min_size=1, max_size=16))


_LENGTHS = st.sampled_from((1, 2, 4, 8, 64, 512, 4096))
_CHANGES: tuple[Callable[[DrawFn, bytearray, int], None], ...] = (
    _flip, _set, _number, _cut, _truncate, _repeat, _zero, _swap, _insert,
)  # fmt: skip


@st.composite
def mutated_lines(draw: DrawFn, seed: str, words: Sequence[str] = ()) -> str:
    """Change a text in a few lines.

    Parameters
    ----------
    draw
        Given by hypothesis.
    seed
        A valid text.
    words
        Words that mean something to the reader.
    """
    lines = seed.split("\n")
    odd = st.one_of(st.sampled_from([*ODD_TEXT, *words]), st.text(max_size=12))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        i, j = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.integers(0, 6)):
            case 0 if len(lines) > 1:
                del lines[i]
            case 1:
                lines.insert(j, lines[i])
            case 2:
                lines[i], lines[j] = lines[j], lines[i]
            case 3:
                lines.insert(i, draw(odd))
            case 4:
                place = draw(st.integers(0, len(lines[i])))
                lines[i] = lines[i][:place] + draw(odd) + lines[i][place:]
            case 5:
                lines[i] = " " * draw(st.integers(0, 4)) + lines[i].strip()
            case _:
                parts = lines[i].split(" ")
                parts[draw(st.integers(0, len(parts) - 1))] = draw(odd)
                lines[i] = " ".join(parts)
    return "\n".join(lines)


@st.composite
def mutated_values(
    draw: DrawFn,
    seed: Any,
    odd: Iterable[Any] = ODD_VALUES,
) -> Any:
    """Change nested dictionaries and lists in a few places: other values, missing, added and moved ones.

    Parameters
    ----------
    draw
        Given by hypothesis.
    seed
        Valid values.
    odd
        Values to put in their place.
    """
    content = copy.deepcopy(seed)
    others = st.sampled_from(list(odd))
    for _ in range(draw(st.integers(1, 3))):
        paths = list(_paths(content))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        parent = content
        for key in path[:-1]:
            parent = parent[key]
        match draw(st.integers(0, 5)):
            case 0:
                del parent[path[-1]]
            case 1 if isinstance(parent, dict):
                parent[draw(st.sampled_from(("x", "", "model", 3, None, True)))] = parent[path[-1]]
            case 2:
                source = draw(st.sampled_from(paths))
                value = content
                for key in source:
                    value = value[key]
                parent[path[-1]] = copy.deepcopy(value)
            case _:
                parent[path[-1]] = copy.deepcopy(draw(others))
    return content


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        parts: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    else:
        return
    for key, item in parts:
        yield from _paths(item, (*path, key))
