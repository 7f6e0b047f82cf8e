"""Output files: they replace nothing unasked, and appear under their name only when they are complete."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from xec_geometry.errors import XecError
from xec_geometry.support.leftovers import remove_leftovers, temporary_name

_FULL = (errno.ENOSPC, errno.EDQUOT)
# A disk with less than this is full, whatever a library says about the file that it could not write.
_NO_SPACE = 256 * 1024


class OutputError(XecError):
    """A file or folder that cannot be written."""


def check_writable(path: str | Path, *, inputs: Iterable[str | Path] = ()) -> Path:
    """Check that a file can be created at `path`, before any work is spent on its content.

    Parameters
    ----------
    path
        The file to be written. Its folder has to exist.
    inputs
        Files that are read for it. None of them may be the output, under whatever name.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    OutputError
        If the folder is missing, is no folder or refuses new files, or if `path` is an input or no file.
    """
    path = Path(path)
    folder = path.parent
    try:
        if not folder.exists():
            raise OutputError(f"cannot write {path}: the folder {folder} does not exist")
        if not folder.is_dir():
            raise OutputError(f"cannot write {path}: {folder} is not a folder")
        if path.is_dir():
            raise OutputError(f"cannot write {path}: it is a folder; expected the name of a file")
        if path.exists() and not path.is_file():
            # It would be replaced by a file.
            raise OutputError(f"cannot write {path}: it is a device or a pipe; expected the name of a file")
        for source in inputs:
            if is_same_file(path, source):
                raise OutputError(
                    f"cannot write {path}: it is the input {source}; expected another name for the output"
                )
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: no permission to create files in {folder}")
    return path


def check_output(
    path: str | Path, *, inputs: Iterable[str | Path] = (), force: bool = False, standing: str = ""
) -> Path:
    """Check that an output of a command can be written: as `check_writable`, and that nothing stands there.

    Parameters
    ----------
    path
        The file to be written.
    inputs
        Files that are read for it.
    force
        Whether an existing file may be replaced; an input never.
    standing
        What is known of an existing file, for the message.

    Raises
    ------
    OutputError
        If it cannot, or exists and may not be replaced.
    """
    path = check_writable(path, inputs=inputs)
    # A link to nowhere is something, too.
    if os.path.lexists(path) and not force:
        known = f", {standing}" if standing else ""
        raise OutputError(f"{path} exists{known}; another name for the output, or --force to replace it")
    return path


def is_same_file(path: str | Path, other: str | Path) -> bool:
    """Return whether two names stand for the same file: links and different spellings included."""
    try:
        return Path(path).samefile(other)
    except FileNotFoundError:
        return Path(path).resolve() == Path(other).resolve()


def make_folder(path: str | Path) -> Path:
    """Create a folder (and its parents) for output.

    Raises
    ------
    OutputError
        If it cannot be created or nothing can be written into it.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot create the folder {path}: {_reason(error)}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {path}: no permission to create files there")
    return path


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name beside `path`, and rename it when it is complete.

    Whatever stood under `path` before stays untouched if the block raises. What processes of this machine
    left behind that were killed while they wrote the same file is removed.

    Parameters
    ----------
    path
        The final name.

    Yields
    ------
    Path
        A name for the block to write to, with the suffix of `path`, hidden, in the same folder.

    Raises
    ------
    OutputError
        If the folder cannot be written to, the disk is full, or the block wrote no file.
    """
    path = check_writable(path)
    remove_leftovers(path)
    temporary = path.with_name(temporary_name(path, secrets.token_hex(4)))
    try:
        yield temporary
        if not temporary.is_file():
            raise OutputError(f"cannot write {path}: nothing was written to {temporary}")
        _flush_to_disk(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OutputError:
        raise
    except Exception as error:
        full = _full_disk(path, error)
        if full is not None or _is_about(error, temporary):
            raise OutputError(full or f"cannot write {path}: {_reason(error)}") from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def appended_output(path: str | Path) -> Iterator[TextIO]:
    """Append text to a file, all of it or nothing.

    Parameters
    ----------
    path
        The file; it is created if there is none.

    Yields
    ------
    TextIO
        For the block to write to; lines end as they are written.

    Raises
    ------
    OutputError
        If the disk is full, or the file cannot be written to; it ends then where it ended before.
    """
    path = Path(path)
    try:
        before = path.stat().st_size if path.exists() else 0
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                yield file
        except BaseException:
            with suppress(OSError):
                os.truncate(path, before)
            raise
    except OSError as error:
        raise OutputError(_full_disk(path, error) or f"cannot write {path}: {_reason(error)}") from error


def link_or_copy(source: str | Path, path: str | Path) -> None:
    """Put a complete file under a second name too: by a link where there are links, else as a copy.

    Files that are written by `atomic_output` are replaced, never changed, so that neither name touches the
    other later.

    Parameters
    ----------
    source
        The file.
    path
        Its other name; what stood there is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    source, path = Path(source), Path(path)
    if path.exists() and path.samefile(source):
        return
    with atomic_output(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _full_disk(path: Path, error: Exception) -> str | None:
    """Say that a disk is full if that is why a file could not be written; libraries may say anything."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"cannot write {path}: {error.strerror} ({path.parent.resolve()})"
    if _is_full(path.parent):
        return f"cannot write {path}: no space left on device ({path.parent.resolve()})"
    return None


def _is_full(folder: Path) -> bool:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return False
    # What the kernel shows as files, such as /proc, has no size.
    return usage.total > 0 and usage.free < _NO_SPACE


def _is_about(error: Exception, temporary: Path) -> bool:
    """Return whether an error of the system concerns the file that is written, not one that is read."""
    if not isinstance(error, OSError) or error.errno is None:
        return False
    return error.filename is None or Path(os.fsdecode(error.filename)).name == temporary.name


def _reason(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # The umask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
