"""Arrays of the schema's type and shape from the entries of a stored branch."""

from __future__ import annotations

from typing import Any

import numpy as np
import uproot
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray

from xec_data.errors import DataError, EntryLengthError
from xec_data.reading.root_files import describe_branch, one_line
from xec_data.reading.tree_info import describe_shape
from xec_data.schema.branches import Branch
from xec_data.schema.checksums import TreeChecksums

_VECTOR_HEADER = 10
"""Bytes before the numbers of a ``std::vector``: byte count (4), version (2), length (4)."""


def read_into(
    out: NDArray[Any],
    stored_branch: Any,
    branch: Branch,
    start: int,
    stop: int,
    where: str,
    checksums: TreeChecksums | None = None,
) -> None:
    """Read the entries ``start`` to ``stop`` of a branch into `out`.

    Parameters
    ----------
    out
        Array of ``stop - start`` entries in the schema's type and shape.
    stored_branch
        The uproot branch.
    branch
        The branch of the schema.
    start, stop
        Entries of the tree.
    where
        File and tree, for messages.
    checksums
        Of the tree, if there are any.

    Raises
    ------
    DataError
        If the file is damaged, an entry has the wrong length, or a number does not fit.
    """
    stored = describe_branch(stored_branch)
    place = f"{where}, branch '{stored.name}'"
    plain = isinstance(stored_branch.interpretation, uproot.AsDtype)
    if plain and stored.shape == branch.shape and stored.dtype == out.dtype == np.float32:
        # The usual case: the bytes are swapped straight into their final place.
        interpretation = stored_branch.interpretation.inplace(out)
        values = _read(stored_branch, start, stop, place, library="np", interpretation=interpretation)
        if len(values) != len(out):
            raise _too_few(place, start, stop, len(values))
        if checksums is not None:
            checksums.check(stored.name, out, start, stop, place)
        return
    if stored.shape is None:
        values = _read_vectors(stored_branch, branch, start, stop)
        if values is None:
            ragged = _read(stored_branch, start, stop, place, library="ak")
            values = _equal_lengths(ragged, branch, start, place)
    else:
        values = _read(stored_branch, start, stop, place, library="np")
        if checksums is not None and len(values) == len(out):
            checksums.check(stored.name, values, start, stop, place)
        if values.dtype.names:
            values = structured_to_unstructured(values)
    if len(values) != len(out):
        raise _too_few(place, start, stop, len(values))
    convert_into(out, values.reshape(out.shape), start, place)


def convert_into(out: NDArray[Any], values: NDArray[Any], start: int, place: str) -> None:
    """Copy numbers into an array of another type, if they keep their meaning.

    Raises
    ------
    DataError
        If integers are wanted and a number has a fraction or is too large.
    """
    if out.dtype.kind == "i":
        limits = np.iinfo(out.dtype)
        # Comparisons with NaN are false: it counts as not fitting.
        if values.dtype.kind == "f":
            # The largest integer itself may not be a float; one more is a power of two.
            fits = (
                (values >= limits.min) & (values < float(int(limits.max) + 1)) & (np.floor(values) == values)
            )
        else:
            fits = (values >= limits.min) & (values <= limits.max)
        if not fits.all():
            entry = int(np.argmin(fits.reshape(len(fits), -1).all(axis=1)))
            raise DataError(
                f"{place}, entry {start + entry}: {values[entry]}; expected an integer of {limits.bits} bits"
            )
    # A double beyond the range of floats becomes infinite, which is an invalid reading as it was before.
    with np.errstate(over="ignore"):
        out[...] = values


def _read(stored_branch: Any, start: int, stop: int, place: str, **options: Any) -> Any:
    try:
        return stored_branch.array(entry_start=start, entry_stop=stop, array_cache=None, **options)
    except Exception as error:
        raise DataError(
            f"{place}, entries {start} to {stop - 1} cannot be read, the file is damaged: {one_line(error)}"
        ) from error


def _read_vectors(stored_branch: Any, branch: Branch, start: int, stop: int) -> NDArray[Any] | None:
    """Read a ``std::vector`` branch as if it had a fixed length; give None if it has not.

    Every entry is a header, its length, and the numbers. Seen as records these need neither the offsets
    of the entries nor the copies that taking them apart costs.
    """
    interpretation = stored_branch.interpretation
    if interpretation.header_bytes != _VECTOR_HEADER:
        return None
    numbers = (interpretation.content.from_dtype, (branch.size,))
    record = np.dtype([("header", "V6"), ("length", ">i4"), ("numbers", *numbers)])
    as_bytes = uproot.AsDtype(np.dtype(("u1", (record.itemsize,))))
    try:
        raw = stored_branch.array(
            as_bytes, entry_start=start, entry_stop=stop, library="np", array_cache=None
        )
    except Exception:
        # Other lengths, or a damaged file: the ragged way finds out which, and where.
        return None
    entries = raw.view(record)[:, 0]
    if not (entries["length"] == branch.size).all():
        return None
    return np.asarray(entries["numbers"])


def _equal_lengths(ragged: Any, branch: Branch, start: int, place: str) -> NDArray[Any]:
    import awkward as ak

    lengths = ak.to_numpy(ak.num(ragged))
    wrong = lengths != branch.size
    if wrong.any():
        entry = int(np.argmax(wrong))
        raise EntryLengthError(
            f"{place}, entry {start + entry} has {describe_shape((int(lengths[entry]),))}; "
            f"expected {describe_shape((branch.size,))}"
        )
    return np.asarray(ak.to_numpy(ak.flatten(ragged)))[: branch.size * len(lengths)].reshape(-1, branch.size)


def _too_few(place: str, start: int, stop: int, found: int) -> DataError:
    return DataError(f"{place}, entries {start} to {stop - 1}: {found} could be read; the file is damaged")
