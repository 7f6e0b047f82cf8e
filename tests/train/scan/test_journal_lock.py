"""Writers of a journal keep each other waiting, but no longer than they live."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xec_train.scan.journal_lock import JournalLock
from xec_train.scan.storage import open_storage

HOLD = """
import sys, time
from pathlib import Path
from xec_train.scan.journal_lock import JournalLock
JournalLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def holder(seconds: float) -> subprocess.Popen[str]:
    """A process that has the lock."""
    command = [sys.executable, "-c", HOLD, "journal.log", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_killed_writer_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with holder(600) as process:
        process.send_signal(signal.SIGKILL)
    begin = time.monotonic()
    study = open_storage("journal.log").create_new_study(directions=[], study_name="s")
    # Nothing is timed: locks of optuna would be waited for half a minute, or for ever.
    assert time.monotonic() - begin < 25
    assert open_storage("journal.log").get_study_id_from_name("s") == study


def test_a_living_writer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with holder(0.5) as process:
        lock = JournalLock(Path("journal.log"))
        lock.acquire()
        assert process.wait(timeout=60) == 0
        lock.release()


def test_without_locks_of_the_file_system_those_of_optuna_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xec_train.scan.file_lock.fcntl.flock", refuse)
    Path("journal.log").touch()
    lock = JournalLock(Path("journal.log"))
    lock.acquire()
    # Its target is found, by which optuna tells how old it is.
    assert Path("journal.log.lock").resolve(strict=True) == tmp_path / "journal.log"
    lock.release()
    assert not Path("journal.log.lock").is_symlink()
