"""Files appear under their name only when they are complete."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xec_geometry.errors import XecError
from xec_geometry.support.leftovers import temporary_name
from xec_geometry.support.output import (
    OutputError,
    appended_output,
    atomic_output,
    check_output,
    check_writable,
    link_or_copy,
    make_folder,
)


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


def test_what_cannot_be_appended_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for row in ("one\n", "two\n"):
        with appended_output(path) as file:
            file.write(row)
    with (
        pytest.raises(OutputError, match=r"cannot write .*rows\.csv: No space left"),
        appended_output(path) as file,
    ):
        file.write("half a r")
        file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_text() == "one\ntwo\n"
    with (
        pytest.raises(OutputError, match="cannot write /dev/full: No space left"),
        appended_output("/dev/full") as file,
    ):
        file.write("three\n")


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


@pytest.mark.parametrize("spelling", ["same", "dotted", "link", "hard link"])
def test_an_input_is_never_an_output(tmp_path: Path, spelling: str) -> None:
    source = tmp_path / "in.root"
    source.write_text("events")
    output = {"dotted": tmp_path / ".." / tmp_path.name / "in.root"}.get(spelling, tmp_path / "out.root")
    if spelling == "same":
        output = source
    elif spelling == "link":
        output.symlink_to(source)
    elif spelling == "hard link":
        os.link(source, output)
    with pytest.raises(OutputError, match=r"it is the input .*in\.root; expected another name"):
        check_output(output, inputs=[source], force=True)


def test_what_exists_is_replaced_on_demand_only(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(OutputError, match="out exists; another name for the output, or --force"):
        check_output(tmp_path / "out")
    assert check_output(tmp_path / "out", force=True) == tmp_path / "out"
    assert check_output(tmp_path / "new") == tmp_path / "new"


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OutputError, match="it is a device or a pipe"):
        check_output(tmp_path / "pipe", force=True)
    with pytest.raises(OutputError, match="link exists"):
        check_output(tmp_path / "link")


def test_a_file_that_nobody_wrote_does_not_appear(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(OutputError, match="nothing was written"), atomic_output(target):
        pass
    assert target.read_text() == "old"


def test_names_as_long_as_names_can_be(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 250 + ".root")
    with atomic_output(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    with pytest.raises(OutputError, match="File name too long"):
        check_writable(tmp_path / ("x" * 300))


def test_errors_about_other_files_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "out"):
        (tmp_path / "in").read_text()
    with pytest.raises(XecError, match="a wrong value"), atomic_output(tmp_path / "out"):
        raise XecError("a wrong value")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "told", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("failed writing")]
)
def test_a_full_disk_is_named_whatever_a_library_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Exception
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("xec_geometry.support.output.shutil.disk_usage", lambda _: usage)
    with (
        pytest.raises(OutputError, match=r"(?i)cannot write .*out: no space left on device"),
        atomic_output(tmp_path / "out"),
    ):
        raise told
    assert list(tmp_path.iterdir()) == []


def test_what_killed_writers_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "file.root"
    program = (
        "import os, signal, sys; from xec_geometry.support.output import atomic_output\n"
        "with atomic_output(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, target], check=False)
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    assert left[0].name.startswith(".")
    # Of a process that is alive, and for another file.
    own, other = tmp_path / temporary_name(target, "0a"), tmp_path / f".{target.name}"
    own.touch()
    other.touch()
    with atomic_output(target) as temporary:
        temporary.write_text("new")
    assert set(tmp_path.iterdir()) == {target, own, other}
