"""Mutated files are read right or refused in one line; `hatch run fuzz` tries more of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.campaign import Extent, run_round, try_target
from tools.fuzz.example import DifferenceError, Example
from tools.fuzz.judgement import Finding, judge
from tools.fuzz.targets import TARGETS, TargetEntry

from xec_geometry.errors import XecError

EXAMPLES = 30


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "seeds").mkdir()
    target = TARGETS[name].build(tmp_path / "seeds")
    findings: list[Finding] = []

    def attempt(example: Example) -> None:
        found = judge(target, tmp_path / "try", example)
        findings.extend([] if found is None else [found])

    run_round(attempt, target.examples(), 0, EXAMPLES)
    assert not findings, findings[0].text


class Reader:
    """A reader that does what its input says."""

    def examples(self) -> SearchStrategy[Example]:
        return st.sampled_from(sorted(DEEDS)).map(lambda deed: Example({"x": b"1"}, (deed,)))

    def read(self, folder: Path, example: Example) -> None:
        assert (folder / "x").read_bytes() == b"1"
        DEEDS[example.words[0]]()


def _raise(error: BaseException) -> None:
    raise error


def _loop() -> None:
    while True:
        pass


DEEDS = {
    "right": lambda: None,
    "refused": lambda: _raise(XecError("x holds 1, expected 2")),
    "two lines": lambda: _raise(XecError("x holds 1\n  expected 2")),
    "silent": lambda: _raise(XecError("")),
    "unforeseen": lambda: _raise(KeyError("x")),
    "other": lambda: _raise(DifferenceError("2 instead of 1")),
    "large": lambda: len(bytearray(4 << 30)),
    "exit": lambda: _raise(SystemExit(0)),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_the_judgement(deed: str, tmp_path: Path) -> None:
    found = judge(Reader(), tmp_path / "try", Example({"x": b"1"}, (deed,)))
    assert (found is None) == (deed in ("right", "refused")), found


def test_what_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEEDS, "loop", _loop)
    found = judge(Reader(), tmp_path / "try", Example({"x": b"1"}, ("loop",)), seconds=0.05)
    assert found is not None
    assert found.kind.startswith("TooLongError")


def test_the_same_seed_gives_the_same_inputs(tmp_path: Path) -> None:
    target = TARGETS["survey"].build(tmp_path)

    def inputs(seed: int) -> list[Example]:
        found: list[Example] = []

        def keep(example: Example) -> None:
            found.append(example)

        run_round(keep, target.examples(), seed, 5)
        return found

    assert inputs(3) == inputs(3)
    assert inputs(3) != inputs(4)


def test_a_finding_is_kept_with_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies is a finding, and the next one goes on."""
    (tmp_path / "dying_reader.py").write_text(
        "import os\n"
        "from hypothesis import strategies as st\n"
        "from tools.fuzz.example import Example\n"
        "class Reader:\n"
        "    def __init__(self, folder):\n"
        "        pass\n"
        "    def examples(self):\n"
        "        words = st.sampled_from(['fail', 'die'])\n"
        "        return words.map(lambda word: Example({'a.txt': b'1'}, (word,)))\n"
        "    def read(self, folder, example):\n"
        "        os._exit(3) if example.words == ('die',) else 1 / 0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    told: list[str] = []
    entry = TargetEntry("dying", "dying_reader:Reader")
    result = try_target(entry, Extent(examples=4, seconds=600), tmp_path / "found", told.append)
    assert len(result.findings) == len(told) == 2
    words = set()
    for folder in result.findings:
        assert (folder / "a.txt").read_bytes() == b"1"
        (word,) = json.loads((folder / "words.json").read_text())
        text = (folder / "finding.txt").read_text()
        assert ("ZeroDivisionError" if word == "fail" else "the process ended with 3") in text
        words.add(word)
    assert words == {"fail", "die"}
    assert not list((tmp_path / "found").glob(".*"))
