"""Texts of others in messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_geometry.errors import is_out_of_memory
from xec_geometry.support.text import distinct_names, first_line, shortened


def test_a_long_text_is_shortened() -> None:
    assert shortened("a" * 40) == "a" * 40
    assert shortened("a" * 41) == "a" * 40 + "…"
    assert shortened("digits", 3) == "dig…"


def test_of_an_error_the_first_line_is_told() -> None:
    assert first_line(ValueError("\nthis\nand advice")) == "this"
    assert first_line(ValueError()) == "ValueError"


@pytest.mark.parametrize("text", ["CUDA out of memory", "std::bad_alloc", "Unable to allocate 3 GiB"])
def test_what_libraries_say_without_memory(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("a number of the memory is wrong"))


def test_names_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    paths = [Path("/a/b/run"), Path("/a/c/run"), Path("/a/c/other"), Path("/d/c/run")]
    assert distinct_names(paths) == ["b/run", "a/c/run", "other", "d/c/run"]
    assert distinct_names([Path("/a/b/run.root")]) == ["run.root"]
