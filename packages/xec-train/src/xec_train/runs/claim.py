"""The claim of a training on its run directory: two trainings never write into one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import warnings
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from xec_geometry.errors import XecWarning
from xec_geometry.support.output import make_folder
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.errors import TrainError

_LOCKED = (errno.EACCES, errno.EAGAIN)
_MOST_NAMES = 10_000


class RunClaim:
    """A claim on a run directory, from `acquire` to `close`.

    A new folder is claimed by its creation, which the system lets succeed once; an existing one by a lock
    on a file in it, which ends with the process that holds it, however that ends.

    Parameters
    ----------
    run
        The run directory.
    is_named
        Whether somebody chose its name: then another folder is no substitute.
    continues
        Whether the folder of an earlier start may be used, if it is there.
    """

    def __init__(self, run: RunDirectory, *, is_named: bool, continues: bool = False) -> None:
        self.run, self._is_named, self._continues = run, is_named, continues
        self._lock: int | None = None
        self._created = False

    def acquire(self) -> Path:
        """Create or lock the folder; return its path.

        Raises
        ------
        TrainError
            If another training has it.
        OutputError
            If it cannot be created.
        """
        path = self.run.path
        if not (self._continues and path.exists()):
            path = self._create(path)
        self.run = RunDirectory(path)
        self._lock = _locked(self.run.lock, path)
        return path

    def close(self) -> None:
        """End the claim; a folder that was created for it and is empty goes."""
        if self._lock is not None:
            with suppress(OSError):
                self.run.lock.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None
        if self._created:
            # Nothing could be written: its name stays free.
            with suppress(OSError):
                self.run.path.rmdir()

    def _create(self, path: Path) -> Path:
        make_folder(path.parent)
        for number in range(1, _MOST_NAMES):
            candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
            try:
                candidate.mkdir()
            except FileExistsError:
                if self._is_named:
                    raise _in_use(candidate, "was created by another training a moment ago") from None
            except OSError as error:
                raise TrainError(
                    f"cannot create the run directory {candidate}: {error.strerror or error}"
                ) from error
            else:
                self._created = True
                return candidate
        raise TrainError(f"no free name like {path}; expected an mlflow.run_name")


def _locked(lock: Path, folder: Path) -> int | None:
    """Lock a file that says who holds it; return its descriptor, None where there are no locks."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 4096).decode(errors="replace")
            os.close(descriptor)
            if error.errno in _LOCKED:
                raise _in_use(folder, f"is in use{_described(holder)}") from None
            # A file system without locks: its folders can still be claimed by their creation.
            reason = f"{lock} cannot be locked ({error.strerror or error})"
            note = f"{reason}: nothing keeps a second training from continuing this run at the same time"
            warnings.warn(XecWarning(note), stacklevel=2)
            return None
        # A holder that has just ended removed the file that was opened.
        if lock.exists() and os.fstat(descriptor).st_ino == lock.stat().st_ino:
            break
        os.close(descriptor)
    content = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    # The lock holds also on a full disk, nameless; what has to be written next tells about the disk.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(content).encode())
    return descriptor


def _described(holder: str) -> str:
    try:
        content = json.loads(holder)
        return f" by process {content['pid']} on {content['host']} since {content['since']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _in_use(folder: Path, what: str) -> TrainError:
    return TrainError(
        f"the run directory {folder} {what}; expected another mlflow.run_name, or to wait until that "
        "training has ended"
    )
