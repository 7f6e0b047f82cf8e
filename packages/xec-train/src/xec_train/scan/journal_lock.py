"""The lock of a journal of optuna: it ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from optuna.storages.journal import JournalFileSymlinkLock


class JournalLock:
    """Lock between all that write to a journal.

    Locks of optuna are files: that of a killed process stays. They are taken away after half a minute, or
    never if the path is relative. They are used only where a file system has no other locks.

    Parameters
    ----------
    journal
        Path of the journal.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal.with_name(journal.name + ".flock")
        self._file_lock = JournalFileSymlinkLock(str(journal.absolute()))
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock, and take it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            return bool(self._file_lock.acquire())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is None:
            self._file_lock.release()
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            os.close(descriptor)
