"""Files of tensors and plain values, read and written without executing anything in them."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from xec_geometry.support.input import special_kind
from xec_geometry.support.output import atomic_output
from xec_geometry.support.text import first_line
from xec_models.errors import CheckpointError

# A zip file, as torch writes it, or a bare pickle, as torch did before 1.6.
MAGICS = (b"PK", b"\x80")


def load_plain(path: Path, map_location: str | torch.device = "cpu") -> object:
    """Load the content of a file written by `torch.save`, if that is tensors and plain values.

    Raises
    ------
    CheckpointError
        If there is no such file, it is truncated or damaged, or holds pickled objects.
    """
    if not path.exists():
        raise CheckpointError(f"no such checkpoint: {path}")
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, expected a checkpoint such as {path}/checkpoint_best.pth")
    if kind := special_kind(path):
        raise CheckpointError(f"{path} is {kind}, expected a checkpoint")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    if not magic:
        raise CheckpointError(f"{path} is empty, expected a checkpoint")
    if not magic.startswith(MAGICS):
        raise CheckpointError(
            f"{path} is no checkpoint: it starts with {magic!r}, expected a file written by torch.save"
        )
    if magic.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path} is truncated ({path.stat().st_size} bytes): copy it again")
    if magic.startswith(b"PK"):
        _check_records(path)
    try:
        with warnings.catch_warnings():
            # Warnings about the pickle protocol of a file that is refused anyway.
            warnings.simplefilter("ignore")
            return cast("object", torch.load(path, map_location=map_location, weights_only=True))
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds pickled objects, which could execute code; xec reads tensors and plain values "
            "only: where you trust the file, load it there and save its state_dict() and plain numbers again"
        ) from error
    except Exception as error:  # torch raises many types for damaged files
        raise CheckpointError(f"{path} is damaged or no checkpoint: {first_line(error)}") from error


def _check_records(path: Path) -> None:
    """Compare the checksums of a zip file's records, which torch does not look at.

    Raises
    ------
    CheckpointError
        If a record is damaged, or compressed: torch compresses none, and a small file could fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(record.compress_type != zipfile.ZIP_STORED for record in archive.infolist()):
                raise CheckpointError(f"{path} is no checkpoint: it is compressed")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(f"{path} is damaged: {first_line(error)}; copy it again") from error
    if damaged is not None:
        raise CheckpointError(
            f"{path} is damaged: the checksum of its record {damaged} is wrong; copy it again"
        )


def save_plain(path: str | Path, content: Mapping[str, object]) -> None:
    """Write tensors and plain values; the file appears under its name when it is complete.

    Raises
    ------
    CheckpointError
        If a value is something that `load_plain` would refuse.
    OutputError
        If the file cannot be written.
    """
    _check_plain(content, str(path), "")
    with atomic_output(path) as temporary:
        torch.save(content, temporary)


def _check_plain(value: object, path: str, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_plain(item, path, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            _check_plain(item, path, f"{where}[{i}]")
    elif type(value) not in (str, int, float, bool, type(None)) and not isinstance(value, Tensor):
        raise CheckpointError(
            f"cannot write {path}: '{where}' is a {type(value).__module__}.{type(value).__name__}, expected "
            "tensors, numbers, strings, lists and dictionaries"
        )
