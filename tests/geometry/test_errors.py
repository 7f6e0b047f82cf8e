"""Messages of errors: one line, whatever the names in them."""

from __future__ import annotations

import pytest

from xec_geometry.errors import XecError


@pytest.mark.parametrize("odd", ["\n", "\r", "\t", "\x1b", "\x85", "\u2028", "\x00"])
def test_odd_characters_of_names_are_spelled_out(odd: str) -> None:
    text = str(XecError(f"no such file: a{odd}b"))
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert text.startswith("no such file: a\\")


def test_letters_units_and_lists_of_problems_stay() -> None:
    text = "run.yaml: 2 problems\n  θ is 68 % off\n  é – 𝒳 'x'"
    assert str(XecError(text)) == text
