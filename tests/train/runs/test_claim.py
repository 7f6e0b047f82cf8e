"""Two trainings never write into one run directory."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from xec_geometry.errors import XecWarning
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.errors import TrainError
from xec_train.runs.claim import RunClaim

CONTEXT = multiprocessing.get_context("spawn")


def claim(path: Path, *, is_named: bool = True, continues: bool = True) -> RunClaim:
    return RunClaim(RunDirectory(path), is_named=is_named, continues=continues)


def test_a_new_folder_is_made_and_left(tmp_path: Path) -> None:
    one = claim(tmp_path / "runs" / "a")
    assert one.acquire() == tmp_path / "runs" / "a"
    (tmp_path / "runs" / "a" / "config.yaml").touch()
    one.close()
    assert [path.name for path in (tmp_path / "runs" / "a").iterdir()] == ["config.yaml"]


def test_a_new_folder_that_nothing_was_written_to_goes(tmp_path: Path) -> None:
    """Its disk was full: once there is room, its name is free."""
    one = claim(tmp_path / "a")
    one.acquire()
    one.close()
    assert not (tmp_path / "a").exists()
    (tmp_path / "a").mkdir()
    of_somebody = claim(tmp_path / "a")
    of_somebody.acquire()
    of_somebody.close()
    assert (tmp_path / "a").is_dir()


def test_a_claim_holds_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    one, other = claim(tmp_path / "a"), claim(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr("xec_train.runs.claim.os.write", refuse)
        one.acquire()
    with pytest.raises(TrainError, match="is in use; expected another"):
        other.acquire()
    one.close()


def test_a_folder_in_use_is_refused_with_its_holder(tmp_path: Path) -> None:
    one, other = claim(tmp_path / "a"), claim(tmp_path / "a")
    one.acquire()
    with pytest.raises(
        TrainError, match=rf"is in use by process {os.getpid()} on .* since \d{{4}}-.*another mlfl"
    ):
        other.acquire()
    one.close()
    other.acquire()
    other.close()


def test_new_runs_without_a_name_get_another_folder(tmp_path: Path) -> None:
    """Two have looked for a free name before one of them has taken it."""
    first, second = (claim(tmp_path / "now", is_named=False, continues=False) for _ in range(2))
    assert first.acquire() == tmp_path / "now"
    assert second.acquire() == tmp_path / "now-2"
    with pytest.raises(TrainError, match="was created by another training a moment ago"):
        claim(tmp_path / "now", continues=False).acquire()
    first.close()
    second.close()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("xec_train.runs.claim.fcntl.flock", refuse)
    one = claim(tmp_path / "a", continues=False)
    with pytest.warns(XecWarning, match="cannot be locked .* nothing keeps a second training"):
        one.acquire()
    one.close()
    with pytest.raises(TrainError, match="was created by another training"):
        claim(tmp_path / "a", continues=False).acquire()


def _claim_and_wait(path: Path, has_it: Any) -> None:
    claim(path).acquire()
    has_it.set()
    time.sleep(100)


def test_a_claim_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    has_it = CONTEXT.Event()
    holder = CONTEXT.Process(target=_claim_and_wait, args=(tmp_path / "a", has_it))
    holder.start()
    assert has_it.wait(60)
    with pytest.raises(TrainError, match=f"in use by process {holder.pid}"):
        claim(tmp_path / "a").acquire()
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    mine = claim(tmp_path / "a")
    mine.acquire()
    mine.close()


def _try(path: Path, start: Any, results: Any) -> None:
    start.wait()
    try:
        results.put(str(claim(path, is_named=False, continues=False).acquire()))
        time.sleep(2)
    except TrainError as error:
        results.put(str(error))


def test_of_many_at_once_each_gets_its_own(tmp_path: Path) -> None:
    start, results = CONTEXT.Event(), CONTEXT.Queue()
    processes = [CONTEXT.Process(target=_try, args=(tmp_path / "a", start, results)) for _ in range(3)]
    for process in processes:
        process.start()
    start.set()
    found = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert found == {str(path) for path in tmp_path.iterdir()}
    assert len(found) == len(processes)
