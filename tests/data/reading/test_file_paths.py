"""Paths as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_data import DataError, find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("run10.root", "run9.root", "notes.txt", "odd[1].root"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "run1.root").touch()
    return tmp_path


def test_a_folder_gives_its_root_files_with_numbers_in_order(folder: Path) -> None:
    assert [path.name for path in find_files(folder)] == ["odd[1].root", "run9.root", "run10.root"]


def test_patterns(folder: Path) -> None:
    assert [path.name for path in find_files(f"{folder}/run*.root")] == ["run9.root", "run10.root"]
    assert [path.name for path in find_files(f"{folder}/**/run1.root")] == ["run1.root"]


def test_a_bracket_in_the_name_of_a_file_is_no_pattern(folder: Path) -> None:
    assert find_files(folder / "odd[1].root") == [folder / "odd[1].root"]


def test_a_list_keeps_its_order_and_names_every_file_once(folder: Path) -> None:
    found = find_files([folder / "run10.root", str(folder), folder / "deep" / ".." / "run9.root"])
    assert [path.name for path in found] == ["run10.root", "odd[1].root", "run9.root"]


def test_a_missing_file_is_named_with_its_nearest_neighbour(folder: Path) -> None:
    with pytest.raises(DataError, match=r"no such file: .*run11\.root.*did you mean 'run10\.root'"):
        find_files(folder / "run11.root")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("empty", r"no \*\.root files in the folder"),
        ("nothing*.root", "no file matches the pattern"),
        ("absent/run.root", "the folder .* does not exist"),
    ],
)
def test_nothing_there(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_files(tmp_path / path)


@pytest.mark.parametrize("paths", [[], ""])
def test_no_path_at_all(paths: list[str] | str) -> None:
    with pytest.raises(DataError, match="no files"):
        find_files(paths)
