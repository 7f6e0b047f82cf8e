"""Whatever goes wrong inside ends as one line and an exit code."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xec_geometry.cli.boundary import boundary
from xec_geometry.cli.exit_codes import INTERNAL_ERROR, INTERRUPTED, USER_ERROR
from xec_geometry.errors import XecError


def told(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    """Raise an error inside the boundary; return the line and the exit code."""
    with pytest.raises(SystemExit) as stop, boundary(["predict", "m.pth"]):
        raise error
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert isinstance(stop.value.code, int)
    return captured.err.strip(), stop.value.code


def _caused(words: str, cause: OSError) -> OSError:
    error = OSError(words)
    error.__cause__ = cause
    return error


def test_an_error_of_ours_is_its_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(XecError("no such file: x"), capsys) == ("xec: error: no such file: x", USER_ERROR)


def test_an_error_may_have_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    class StoppedError(XecError):
        exit_code = INTERRUPTED

    assert told(StoppedError("stopped"), capsys)[1] == INTERRUPTED


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.root"), "a.root: No such file or"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            "No usable tempo",
        ),
        (_caused("no cache directory", PermissionError(errno.EACCES, "Permission denied")), "no cache direc"),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "a -> b: Invalid link"),
        (MemoryError("Unable to allocate 3 GiB"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
    ],
)
def test_errors_of_the_system_name_what_they_are_about(
    error: Exception, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, code = told(error, capsys)
    assert expected in line
    assert code == USER_ERROR


@pytest.mark.parametrize(
    ("command", "remedy"),
    [("train", "data.batch_size"), ("data", "--chunk"), ("predict", "--batch"), ("display", None)],
)
def test_what_needs_less_memory_depends_on_the_command(
    command: str, remedy: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), boundary(["--debug-not", command, "x"]):
        raise MemoryError("Unable to allocate 3 GiB")
    line = capsys.readouterr().err.strip()
    assert line.startswith("xec: error: out of memory (MemoryError: Unable to allocate 3 GiB)")
    options = {"data.batch_size", "--chunk", "--batch"}
    assert {option for option in options if f"({option}" in line} == ({remedy} if remedy else set())


def test_a_backend_that_matplotlib_does_not_have(tmp_path: Path) -> None:
    code = "from xec_geometry.cli.application import main; main(['geometry', 'show', '--png', 'x.png'])"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "MPLBACKEND": "nonsense"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == USER_ERROR
    said = "the variable MPLBACKEND is 'nonsense', no backend of matplotlib; unset it, xec needs none"
    assert ended.stderr == f"xec: error: {said}\n"


def test_what_nobody_foresaw_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    line, code = told(KeyError("surprise"), capsys)
    assert code == INTERNAL_ERROR
    assert "KeyError: 'surprise'; this is a fault of xec itself: please report it" in line
    found = re.search(r"the file (\S+),", line)
    assert found is not None
    report = Path(found[1]).read_text()
    assert "command: xec predict m.pth" in report
    assert "xec-geometry" in report
    assert "Traceback (most recent call last)" in report
    assert "KeyError: 'surprise'" in report


def test_a_report_that_cannot_be_written_is_asked_for_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    line, code = told(KeyError("surprise"), capsys)
    assert code == INTERNAL_ERROR
    assert "--debug" in line


def test_errors_are_raised_for_debugging() -> None:
    with pytest.raises(KeyError), boundary([], debug=True):
        raise KeyError("surprise")


def xec(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from xec_geometry.cli.application import main; main()", *arguments]
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        program, stderr=subprocess.PIPE, text=True, errors="replace", check=False, timeout=60, **options
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_standard_output_is_an_error(
    unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        done = xec("geometry", "show", stdout=full)
    assert done.returncode == USER_ERROR
    assert done.stderr == "xec: error: No space left on device\n"


def test_a_reader_that_has_gone_does_not_end_a_command() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = xec("geometry", "show", stdout=writing)
    os.close(writing)
    assert done.returncode == 0
    assert done.stderr == "xec: note: standard output was closed; going on without it\n"


@pytest.mark.parametrize("closed", ["1", "2", "0"])
def test_a_stream_that_was_closed_before_the_start(closed: str) -> None:
    program = f"{sys.executable} -c 'from xec_geometry.cli.application import main; main()' geometry show"
    done = subprocess.run(["sh", "-c", f"{program} {closed}>&-"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert ("all " in done.stdout) == (closed != "1")


@pytest.mark.parametrize("width", ["0", "-3", "³", "1"])
def test_an_impossible_width_is_forgotten(width: str) -> None:
    done = xec("geometry", "show", stdout=subprocess.PIPE, env={**os.environ, "COLUMNS": width})
    assert done.returncode == 0
    assert "0–4759" in done.stdout


def test_a_working_folder_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    line, code = told(FileNotFoundError(errno.ENOENT, "No such file or directory"), capsys)
    assert line == "xec: error: the folder in which the command runs does not exist any more"
    assert code == USER_ERROR


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_terminals_of_any_encoding(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for command in (("geometry", "show"), ("--help",), ("data", "check", "nothing → there.root")):
        done = xec(*command, stdout=subprocess.PIPE, env=environment)
        assert "Traceback" not in done.stderr
        assert done.returncode == (2 if "check" in command else 0)
