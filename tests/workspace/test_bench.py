"""The bench: its ratios, its table, its files, and that every kind of case runs."""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from tools.bench import __main__ as command, measure
from tools.bench.case import CASES, GROUPS, Result, alone, cases_of
from tools.bench.measure import Rates, alternate, watch_memory
from tools.bench.sweeps import Curve
from typer.testing import CliRunner

RESULT = Result("a case", 80.0, "events/s", 100.0, "a limit", 0.8, 12.0, target=0.9)


def invoke(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command.main)
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "250"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def one_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.bench.case.GROUPS", {"some": ()})
    monkeypatch.setattr(command, "GROUPS", {"some": ()})
    monkeypatch.setitem(CASES, "some", [lambda: RESULT])


def test_ratios_are_taken_within_a_round() -> None:
    rates = Rates({"a": [2.0, 40.0, 6.0], "limit": [1.0, 20.0, 3.0]})
    assert rates.ratio("a", "limit") == (2.0, 0.0)
    assert rates.median("a") == 6.0
    assert rates.best(["a", "limit"]) == "a"


def test_functions_run_in_turns() -> None:
    order: list[str] = []

    def run(name: str) -> int:
        order.append(name)
        return 5

    rates = alternate({"a": lambda: run("a"), "b": lambda: run("b")}, 2)
    assert "".join(order) == "abbaab" or "".join(order) == "baabba"
    assert [len(values) for values in rates.of.values()] == [2, 2]


@pytest.mark.parametrize(
    ("ratio", "less", "met"), [(0.9, False, True), (0.8, False, False), (0.8, True, True), (1.1, True, False)]
)
def test_targets(ratio: float, less: bool, met: bool) -> None:
    result = Result("x", 1.0, "s", 1.0, "", ratio, None, target=0.9, less_is_better=less)
    assert result.is_met is met


def test_a_case_runs_in_a_process_of_its_own() -> None:
    done = alone(lambda: replace(RESULT, rate=float(os.getpid())))
    assert done.rate != os.getpid()
    assert done.peak_memory_mb == 12.0
    measured = alone(lambda: replace(RESULT, peak_memory_mb=None)).peak_memory_mb
    assert measured is not None
    assert measured > 20
    with pytest.raises(ZeroDivisionError):
        alone(lambda: 1 / 0)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("exact", [True, False])
def test_memory_is_seen(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exact:
        monkeypatch.setattr(measure, "_reset_peak", lambda: False)
    # Not from an allocator, which could hand out memory that is resident already.
    block = np.frombuffer(mmap.mmap(-1, 2**27), np.uint8)
    with watch_memory() as memory:
        block[:] = 1
    assert 110 < memory.peak_mb - memory.before_mb < 400


def test_a_straight_line() -> None:
    curve = Curve("y", "x", (1, 2, 4), (5.0, 7.0, 11.0))
    assert curve.line() == pytest.approx((3.0, 2.0))
    assert curve.farthest() == pytest.approx(0.0, abs=1e-9)
    assert Curve("y", "x", (1, 2, 4), (5.0, 7.0, 20.0)).farthest() > 0.05


@pytest.mark.usefixtures("one_case")
def test_the_table_and_the_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    code, output = invoke("some", "--json", str(kept))
    assert code == 0
    assert "a case: 0.800" in output
    assert json.loads(kept.read_text())["results"][0]["ratio"] == 0.8
    code, output = invoke("all", "--against", str(kept))
    assert code == 0
    assert "× 1.000" in output


@pytest.mark.usefixtures("one_case")
def test_what_cannot_be_used(tmp_path: Path) -> None:
    code, output = invoke("sone")
    assert code == 2
    assert "did you mean 'some'" in output
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    code, output = invoke("some", "--against", str(broken))
    assert code == 2
    assert "expected a file kept with --json" in " ".join(output.split())


@pytest.mark.parametrize("group", list(GROUPS))
def test_every_group_has_cases_with_names(group: str) -> None:
    names = [case.__name__ for case in cases_of(group)]
    assert names
    assert len(set(names)) == len(names)
