"""New ROOT files under names of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uproot


@contextmanager
def recreate(path: Path, compression: Any) -> Iterator[Any]:
    """Create a ROOT file, open for writing as long as the block lasts.

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
    """
    # uproot would read protocols and trees into a name with colons.
    with path.open("w+b") as bytes_, uproot.recreate(bytes_, compression=compression) as file:
        yield file
