"""New ROOT files, which appear under their name when they are complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uproot

from xec_geometry.support.output import OutputError, atomic_output


@contextmanager
def root_output(path: str | Path, compression: Any) -> Iterator[Any]:
    """Create a ROOT file, open for writing as long as the block lasts; see `atomic_output`.

    Parameters
    ----------
    path
        The file.
    compression
        An object of uproot; see `compression_of`.

    Yields
    ------
    uproot.WritableDirectory
        The file.

    Raises
    ------
    OutputError
        If it cannot be written, or readers would take its name for something else.
    """
    if "::" in str(path):
        raise OutputError(
            f"cannot write {path}: to readers of ROOT files '::' stands between a file and a protocol; "
            "expected a path without it"
        )
    with atomic_output(path) as temporary, uproot.recreate(temporary, compression=compression) as file:
        yield file
