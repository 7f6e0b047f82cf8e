"""Which workers live: each holds a lock on a file of its own, and touches it now and then.

A lock ends with its process, however that ends: on one machine it is all that is asked. Of a worker on
another machine the file has to be old as well: some file systems keep locks to the machine that asks.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_SECONDS_BETWEEN_TOUCHES = 15.0
SILENCE = 180.0
"""Seconds without a touch after which a worker of another machine is given up, if its lock is free."""

_SUFFIX = ".alive"


class Presence:
    """The file of this worker, while the block runs.

    Parameters
    ----------
    folder
        Folder of the files of all workers.

    Attributes
    ----------
    name
        Name of the worker, also for `is_alive`.
    """

    def __init__(self, folder: Path) -> None:
        host = socket.gethostname().partition(".")[0]
        self.name = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
        self._path = folder / f"{self.name}{_SUFFIX}"
        self._ended = threading.Event()
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        content = {"host": socket.gethostname(), "pid": os.getpid()}
        os.write(self._descriptor, json.dumps(content).encode())
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        threading.Thread(target=self._touch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _touch(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_TOUCHES):
            with suppress(OSError):
                os.utime(self._path)


def is_alive(folder: Path, name: str) -> bool:
    """Tell whether a worker lives; its file is removed if it does not."""
    path = folder / f"{name}{_SUFFIX}"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            # No locks here: then the time alone counts.
            return not _is_silent(folder, descriptor)
        if not _is_of_this_machine(descriptor) and not _is_silent(folder, descriptor):
            return True
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)


def _is_of_this_machine(descriptor: int) -> bool:
    content = os.pread(descriptor, 4096, 0)
    try:
        return bool(json.loads(content)["host"] == socket.gethostname())
    except (ValueError, KeyError, TypeError):
        return False


def _is_silent(folder: Path, descriptor: int) -> bool:
    # The clock of the file system: those of machines may differ.
    probe = folder / f".now-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        probe.touch()
        now = probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
    return now - os.fstat(descriptor).st_mtime > SILENCE
