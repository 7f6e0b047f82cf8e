"""Files appear under their name only when they are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from xec_geometry.support.output import OutputError, atomic_output, check_writable, link_or_copy, make_folder


def test_a_complete_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with atomic_output(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_output(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_outlives_a_replaced_first_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr("xec_geometry.support.output.os.link", refuse)
    last, best = tmp_path / "last", tmp_path / "best"
    best.write_text("earlier")
    last.write_text("first")
    link_or_copy(last, best)
    link_or_copy(last, best)
    assert best.samefile(last) is links
    with atomic_output(last) as temporary:
        temporary.write_text("second")
    assert (last.read_text(), best.read_text()) == ("second", "first")
    assert {path.name for path in tmp_path.iterdir()} == {"last", "best"}


def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    with atomic_output(tmp_path / "atomic") as temporary:
        temporary.touch()
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/file.txt", "does not exist"),
        ("plain/file.txt", "is not a folder"),
        ("folder", "it is a folder"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "plain").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=reason):
        check_writable(tmp_path / path)


def test_a_folder_under_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(OutputError, match="cannot create the folder"):
        make_folder(tmp_path / "plain" / "run")
