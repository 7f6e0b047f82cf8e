"""The end of a process, in order or at once: some threads of libraries cannot be ended in order."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn


class _Manner:
    at_once = False


def leave_at_once() -> None:
    """Let `leave` end this process without the tidying of Python and of C++.

    For a process in which threads of a library wait for another process, which may have ended: tidying would
    wait for them, or abort the process in their midst.
    """
    _Manner.at_once = True


def leave(code: int) -> NoReturn:
    """End this process with an exit code."""
    if _Manner.at_once:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    raise SystemExit(code)
