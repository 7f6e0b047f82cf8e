"""The lock of a journal of optuna: it ends with its process, however that ends."""

from __future__ import annotations

import os
from pathlib import Path

from optuna.storages.journal import JournalFileSymlinkLock

from xec_train.scan.file_lock import wait_for_lock


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
        self._descriptor = wait_for_lock(self._path)
        return self._descriptor is not None or bool(self._file_lock.acquire())

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is None:
            self._file_lock.release()
            return
        descriptor, self._descriptor = self._descriptor, None
        os.close(descriptor)
