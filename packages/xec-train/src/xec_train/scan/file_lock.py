"""Locks of files that end with their process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def wait_for_lock(path: Path) -> int | None:
    """Wait until nobody else has the lock of a file, and take it.

    Parameters
    ----------
    path
        The file, which is made if there is none.

    Returns
    -------
    int or None
        A descriptor, which gives the lock back when it is closed; None where the file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
