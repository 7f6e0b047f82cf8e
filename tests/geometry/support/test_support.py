"""Support for the packages: cores of a process, pieces of messages."""

import os

import pytest

from xec_geometry.support.processors import allowed_cores, available_cores
from xec_geometry.support.text import first_line


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2}, raising=False)
    assert allowed_cores() == (2, 5)
    assert available_cores() == 2


def test_cores_of_a_system_that_knows_no_affinity(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert allowed_cores() is None
    assert available_cores() == 3


@pytest.mark.parametrize(
    ("error", "line"),
    [(ValueError("\n wrong\nadvice"), "wrong"), (KeyError(), "KeyError"), (OSError("  "), "OSError")],
)
def test_first_line_of_an_error(error: Exception, line: str):
    assert first_line(error) == line
