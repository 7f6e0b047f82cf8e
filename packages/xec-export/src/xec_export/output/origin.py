"""What a file of predictions was made from: a finished one need not be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xec_data.errors import DataError
from xec_data.reading.file_digest import header_digest
from xec_data.reading.file_identity import FileIdentity, identity_of
from xec_data.writing.tree_writer import read_metadata

ORIGIN_KEY = "made_from"
"""Key of the origin in the metadata of a file."""


def origin_of(model: Sequence[Path], inputs: Sequence[Path], **options: Any) -> dict[str, Any]:
    """Describe what a file is made from.

    Parameters
    ----------
    model
        The files of the network.
    inputs
        The files of events, in their order.
    options
        Everything else that its contents depend on.

    Returns
    -------
    dict
        Plain values, ready for JSON.
    """
    return {
        "model": [file_digest(path) for path in model],
        "inputs": [[str(path.resolve()), header_digest(path)] for path in inputs],
        "options": options,
        "version": version("xec-export"),
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file; of one that was asked for before, and has not changed, at once."""
    return _digest(path, identity_of(path))


@lru_cache(maxsize=16)
def _digest(path: Path, _identity: FileIdentity) -> str:
    # Asked for every file that the same network predicts.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_made_from(output: Path, origin: dict[str, Any] | None) -> bool:
    """Return whether a file is there, complete, and made from just this.

    Parameters
    ----------
    output
        The file.
    origin
        Result of `origin_of`; None is the origin of no file.
    """
    if origin is None or not output.is_file():
        return False
    try:
        return read_metadata(output).get(ORIGIN_KEY) == origin
    except DataError:
        return False
