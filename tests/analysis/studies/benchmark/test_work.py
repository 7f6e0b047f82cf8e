"""Work that is done once: what is found again, and what is done again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xec_analysis import AnalysisError
from xec_analysis.studies.benchmark.work import LEDGER, Work, open_folder


@pytest.fixture
def first() -> Work:
    return Work("first", ("a",), ("parts/first",), lambda folder: _write(folder / "parts/first"))


@pytest.fixture
def second(first: Work) -> Work:
    return Work("second", ("b",), ("second",), lambda folder: _write(folder / "second"), (first,))


def _write(path: Path) -> None:
    path.write_text("done")


def test_finished_work_is_found_by_a_later_run(tmp_path: Path, first: Work, second: Work) -> None:
    ledger = open_folder(tmp_path / "new", [first, second], overwrite=False)
    assert not ledger.has(first)
    ledger.do(first)
    again = open_folder(tmp_path / "new", [first, second], overwrite=False)
    assert again.has(first)
    assert not again.has(second)
    assert again[first].seconds < 10


def test_other_settings_or_a_missing_file_are_unfinished_work(
    tmp_path: Path, first: Work, second: Work
) -> None:
    ledger = open_folder(tmp_path, [first, second], overwrite=False)
    ledger.do(first)
    ledger.do(second)
    changed = replace(first, settings=("c",))
    assert not ledger.has(changed)
    assert not ledger.has(replace(second, needs=(changed,))), "its input is another one"
    (tmp_path / "second").unlink()
    assert ledger.has(first)
    assert not ledger.has(second)


def test_remains_of_unfinished_work_are_removed(tmp_path: Path) -> None:
    def run(folder: Path) -> None:
        (folder / "run").mkdir()

    work = Work("training", (), ("run",), run)
    ledger = open_folder(tmp_path, [work], overwrite=False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "half_a_checkpoint").write_text("")
    ledger.do(work)
    assert not list((tmp_path / "run").iterdir())


def test_after_work_that_failed_the_folder_can_be_used_again(tmp_path: Path, first: Work) -> None:
    def fail(_: Path) -> None:
        raise AnalysisError("no")

    failing = replace(first, run=fail)
    ledger = open_folder(tmp_path / "new", [failing], overwrite=False)
    with pytest.raises(AnalysisError):
        ledger.do(failing)
    assert not open_folder(tmp_path / "new", [first], overwrite=False).has(first)


def test_a_folder_of_something_else_is_refused(tmp_path: Path, first: Work) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(AnalysisError, match="is not empty and no folder of an earlier run; expected"):
        open_folder(tmp_path, [first], overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_overwriting_removes_only_what_the_work_made(tmp_path: Path, first: Work, second: Work) -> None:
    ledger = open_folder(tmp_path, [first, second], overwrite=False)
    ledger.do(first)
    (tmp_path / "thesis.tex").write_text("")
    ledger = open_folder(tmp_path, [first, second], overwrite=True)
    assert not ledger.has(first)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [LEDGER, "thesis.tex"]


def test_a_broken_list_of_finished_work_is_one_line(tmp_path: Path, first: Work) -> None:
    (tmp_path / LEDGER).write_text("{")
    with pytest.raises(AnalysisError, match=r"finished\.json: cannot be read .*--overwrite to begin anew"):
        open_folder(tmp_path, [first], overwrite=False)
    open_folder(tmp_path, [first], overwrite=True)
