"""Atomic output: files that appear under their name only when they are complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xec_geometry.errors import XecError


class OutputError(XecError):
    """A file or folder that cannot be written."""


def check_writable(path: str | Path) -> Path:
    """Check that a file can be created at `path`, before any work is spent on its content.

    Parameters
    ----------
    path
        The file to be written. Its folder has to exist.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    OutputError
        If the folder is missing, is no folder or refuses new files, or if `path` is a folder.
    """
    path = Path(path)
    folder = path.parent
    if not folder.exists():
        raise OutputError(f"cannot write {path}: the folder {folder} does not exist")
    if not folder.is_dir():
        raise OutputError(f"cannot write {path}: {folder} is not a folder")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; expected the name of a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: no permission to create files in {folder}")
    return path


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
    except OSError as error:
        raise OutputError(f"cannot create the folder {path}: {error.strerror or error}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {path}: no permission to create files there")
    return path


@contextmanager
def atomic_output(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name beside `path`, and rename it when it is complete.

    Whatever stood under `path` before stays untouched if the block raises.

    Parameters
    ----------
    path
        The final name.

    Yields
    ------
    Path
        The temporary name, with the suffix of `path`, in the same folder.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    path = check_writable(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # The umask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
