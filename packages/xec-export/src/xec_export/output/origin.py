"""What a file of predictions was made from: a finished one need not be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from xec_data.errors import DataError
from xec_data.reading.file_digest import header_digest
from xec_data.reading.file_identity import FileIdentity, identity_of
from xec_data.writing.tree_writer import read_metadata

ORIGIN_KEY = "made_from"
"""Key of the origin in the metadata of a file."""


class Origin(BaseModel):
    """What a file is made from.

    Attributes
    ----------
    model
        Hashes of the files of the network.
    inputs
        Paths of the files of events in their order, each with its `header_digest`.
    options
        Everything else that its contents depend on.
    version
        Version of xec-export.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    options: Mapping[str, JsonValue]
    version: str


def origin_of(model: Sequence[Path], inputs: Sequence[Path], **options: Any) -> Origin:
    """Describe what a file is made from.

    Parameters
    ----------
    model
        The files of the network.
    inputs
        The files of events, in their order.
    options
        Everything else that its contents depend on.
    """
    return Origin(
        model=tuple(file_digest(path) for path in model),
        inputs=tuple((str(path.resolve()), header_digest(path)) for path in inputs),
        options=options,
        version=version("xec-export"),
    )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file; of one that was asked for before, and has not changed, at once."""
    return _digest(path, identity_of(path))


@lru_cache(maxsize=16)
def _digest(path: Path, _identity: FileIdentity) -> str:
    # Asked for every file that the same network predicts.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(output: Path, origin: Origin | None) -> list[str] | None:
    """Tell how what a file was made from differs from what it would be made from now.

    Parameters
    ----------
    output
        The file.
    origin
        What it would be made from; None is the origin of no file.

    Returns
    -------
    list of str or None
        ``another model``, ``other inputs``, …; empty if the file need not be made again. None if there is
        no complete file that says what it was made from.
    """
    if origin is None or not output.is_file():
        return None
    try:
        found = Origin.model_validate(read_metadata(output).get(ORIGIN_KEY))
    except (DataError, ValidationError):
        return None
    names = [*origin.options, *(name for name in found.options if name not in origin.options)]
    options = [name for name in names if found.options.get(name) != origin.options.get(name)]
    said = {
        "another model": found.model != origin.model,
        "other inputs": found.inputs != origin.inputs,
        f"other options ({', '.join(options)})": bool(options),
        f"version {found.version} of xec-export": found.version != origin.version,
    }
    return [text for text, differs in said.items() if differs]


def described(different: Sequence[str] | None) -> str:
    """Say what `differences` found, for a message; empty without any."""
    return f"made with {' and '.join(different)}" if different else ""
