"""Lists of files from the paths, folders and patterns that a user writes."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from xec_data.errors import DataError
from xec_geometry.errors import did_you_mean

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
        named twice appears once.

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
            unique.setdefault(file.resolve(), file)
    return list(unique.values())


def missing_file(path: Path) -> DataError:
    """Build the error of a file that does not exist, with the nearest name in its folder."""
    if not path.parent.is_dir():
        return DataError(f"no such file: {path} (the folder {path.parent} does not exist)")
    neighbours = (entry.name for entry in path.parent.iterdir())
    return DataError(f"no such file: {path}{did_you_mean(path.name, neighbours)}")


def _expand(path: str | Path) -> list[Path]:
    text = str(path)
    if not text:
        raise DataError("no files: a path is empty; expected a file, a folder or a pattern")
    expanded = Path(text).expanduser()
    # Asked first, because a bracket may also be part of a file's name.
    if expanded.is_dir():
        files = sorted(expanded.glob(f"*{SUFFIX}"), key=_natural)
        if not files:
            raise DataError(f"no *{SUFFIX} files in the folder {expanded}")
        return files
    if expanded.exists():
        return [expanded]
    if _GLOB_CHARACTERS.search(text):
        matches = (Path(match) for match in glob.glob(str(expanded), recursive=True))  # noqa: PTH207
        files = sorted((match for match in matches if match.is_file()), key=_natural)
        if not files:
            raise DataError(f"no file matches the pattern {text}")
        return files
    raise missing_file(expanded)


def _natural(path: Path) -> list[tuple[int, str]]:
    # run9 stands before run10.
    pieces = re.split(r"(\d+)", str(path))
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]
