"""The boundary of `xec`: whatever goes wrong inside ends as one line and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from xec_geometry.cli.command_table import COMMANDS
from xec_geometry.cli.exit_codes import INTERNAL_ERROR, USER_ERROR
from xec_geometry.cli.plugins import CommandPlugins
from xec_geometry.cli.streams import unbreakable_streams
from xec_geometry.errors import XecError, is_out_of_memory
from xec_geometry.support.leaving import leave
from xec_geometry.support.signals import Terminated, orderly_end
from xec_geometry.support.text import first_line

# As a shell tells that a signal has ended a command.
_KILLED = 128


@contextmanager
def boundary(arguments: Sequence[str], *, debug: bool = False) -> Iterator[None]:
    """Turn every error in the block into a line on standard error, and exit.

    Parameters
    ----------
    arguments
        The command line, for a report about an error that nobody foresaw.
    debug
        Whether errors are raised as they are.
    """
    try:
        with unbreakable_streams(), orderly_end():
            yield
    except (KeyboardInterrupt, Terminated) as stop:
        number = stop.number if isinstance(stop, Terminated) else signal.SIGINT
        if debug:
            raise
        print(f"xec: {signal.Signals(number).name}: stopped; no output is half written", file=sys.stderr)
        leave(_KILLED + number)
    except Exception as error:
        if debug:
            raise
        message, code = _told(error, arguments)
        print(f"xec: error: {message}", file=sys.stderr)
        leave(code)


def _told(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    """Return what to say about an error, and the exit code."""
    if isinstance(error, XecError):
        return str(error), error.exit_code
    if is_out_of_memory(error):
        what = f"out of memory ({type(error).__name__}: {first_line(error)})"
        return "; ".join([what, *_remedy(arguments)]), USER_ERROR
    if isinstance(error, ValueError) and "valid value for backend" in str(error):
        # matplotlib reads it when it is imported; pictures are drawn without any.
        backend = os.environ.get("MPLBACKEND", "")
        return (
            f"the variable MPLBACKEND is {backend!r}, no backend of matplotlib; unset it, xec needs none",
            USER_ERROR,
        )
    if isinstance(error, OSError) and _is_of_system(error):
        return _told_by_system(error), USER_ERROR
    return f"{type(error).__name__}: {first_line(error)}; {_reported(error, arguments)}", INTERNAL_ERROR


def _remedy(arguments: Sequence[str]) -> list[str]:
    """Return what makes a command need less memory, if there is something."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    known = COMMANDS.get(names[0]) if names else None
    return [known.less_memory] if known is not None and known.less_memory else []


def _is_of_system(error: OSError) -> bool:
    """Return whether the system refused something, whatever a library made of it."""
    cause = error.__cause__
    return error.errno in errno.errorcode or (isinstance(cause, OSError) and _is_of_system(cause))


def _told_by_system(error: OSError) -> str:
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if not names and error.errno == errno.ENOENT and not _has_working_folder():
        return "the folder in which the command runs does not exist any more"
    return ": ".join([*([" -> ".join(names)] if names else []), error.strerror or first_line(error)])


def _has_working_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _reported(error: Exception, arguments: Sequence[str]) -> str:
    """Write a report about an error of our own, and say where it is."""
    ours = "this is a fault of xec itself"
    lines = [
        f"{datetime.now().astimezone().isoformat(timespec='seconds')}",
        f"command: xec {' '.join(arguments)}",
        f"Python {sys.version.split()[0]}, {sys.platform}",
        *(f"{package} {version(package)}" for package in CommandPlugins().packages()),
        "",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, name = tempfile.mkstemp(prefix="xec-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
    except OSError:
        return f"{ours}: please report it with the traceback that --debug shows"
    return f"{ours}: please report it with the file {Path(name)}, which has the traceback (--debug shows it)"
