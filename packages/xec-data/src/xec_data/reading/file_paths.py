"""Lists of files from the paths, folders and patterns that a user writes."""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xec_data.errors import DataError
from xec_geometry.errors import XecWarning, did_you_mean
from xec_geometry.support.input import special_kind

SUFFIX = ".root"
_GLOB_CHARACTERS = re.compile(r"[*?\[]")


def find_files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """List the ROOT files that one or several paths refer to.

    Parameters
    ----------
    paths
        A file, a folder (all its ``*.root``), a glob pattern (``**`` reaches into folders), or a list
        of these. ``~`` is the home folder.

    Returns
    -------
    list of Path
        In the order given, folders and patterns sorted by name with numbers by value. A file that is
        named twice appears once. Folders and patterns leave out hidden files and links to nowhere.

    Raises
    ------
    DataError
        If a path does not exist, or a folder or pattern holds no file.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    if not paths:
        raise DataError("no files: the list of paths is empty; expected files, folders or patterns")
    unique: dict[Path, Path] = {}
    for path in paths:
        for file in _expand(path):
            # Not Path.resolve: it refuses links that lead to themselves.
            unique.setdefault(Path(os.path.realpath(file)), file)
    return list(unique.values())


def missing_file(path: Path) -> DataError:
    """Build the error of a file that does not exist, with the nearest name in its folder."""
    if not path.parent.is_dir():
        return DataError(f"no such file: {path} (the folder {path.parent} does not exist)")
    neighbours = (entry.name for entry in path.parent.iterdir())
    return DataError(f"no such file: {path}{did_you_mean(path.name, neighbours)}")


@contextmanager
def told_if_unreadable(path: Path) -> Iterator[None]:
    """Turn what the system says about a file that is opened in the block into a `DataError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise missing_file(path) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _expand(path: str | Path) -> list[Path]:
    text = str(path)
    if not text:
        raise DataError("no files: a path is empty; expected a file, a folder or a pattern")
    # As Path.expanduser, which refuses a user that does not exist.
    expanded = Path(os.path.expanduser(text))  # noqa: PTH111
    # Asked first, because a bracket may also be part of a file's name.
    if expanded.is_dir():
        files = _visible(expanded.glob(f"*{SUFFIX}"))
        if not files:
            raise DataError(f"no *{SUFFIX} files in the folder {expanded}")
        return files
    if kind := special_kind(expanded):
        raise DataError(f"{expanded} is {kind}; expected a ROOT file")
    if expanded.exists():
        return [expanded]
    if _GLOB_CHARACTERS.search(text):
        matches = (Path(match) for match in glob.glob(str(expanded), recursive=True))  # noqa: PTH207
        files = _visible(match for match in matches if not match.is_dir())
        if not files:
            raise DataError(f"no file matches the pattern {text}")
        return files
    raise missing_file(expanded)


def _visible(paths: Iterable[Path]) -> list[Path]:
    """Sort files, without hidden ones, such as a writer's or an archiver's own, and broken links."""
    files = []
    for path in sorted(paths, key=_natural):
        if path.name.startswith("."):
            continue
        if path.is_symlink() and not path.exists():
            warnings.warn(
                XecWarning(f"{path} is a link to a file that does not exist; left out"), stacklevel=4
            )
            continue
        if kind := special_kind(path):
            warnings.warn(XecWarning(f"{path} is {kind}; left out"), stacklevel=4)
            continue
        files.append(path)
    return files


def _natural(path: Path) -> list[tuple[int, str]]:
    # run9 stands before run10.
    # Digits of other scripts and raised ones are letters here.
    pieces = re.split(r"([0-9]+)", str(path))
    return [(int(piece), "") if piece.isascii() and piece.isdigit() else (-1, piece) for piece in pieces]
