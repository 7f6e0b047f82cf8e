"""Events that are in memory already, in the arrays of whichever library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_geometry import N_SENSORS


def as_event_rows(values: Any, name: str, length: int = N_SENSORS) -> NDArray[Any]:
    """Return the numbers of one event or many as rows of a numpy array.

    Parameters
    ----------
    values
        An array of numpy, awkward (regular, or with rows that happen to be equally long) or torch (on any
        device), or lists of numbers: (n, length), or (length,) for one event.
    name
        What they are, for messages.
    length
        Numbers of an event.

    Returns
    -------
    numpy.ndarray
        (n, length), in the type that they have. It shares memory with `values` where that is possible.

    Raises
    ------
    DataError
        If they have another shape, rows of another length, or are no numbers.
    """
    array = _numpy(values, name, length)
    rows = array[None] if array.ndim == 1 else array
    if rows.ndim != 2 or rows.shape[1] != length:
        raise DataError(
            f"{name} has shape {array.shape}; expected (events, {length}), or ({length},) for one event"
        )
    if rows.dtype.kind not in "biuf":
        raise DataError(f"{name} holds {rows.dtype}; expected numbers")
    return rows


def _numpy(values: Any, name: str, length: int) -> NDArray[Any]:
    if hasattr(values, "detach"):
        # A tensor; torch need not be there to know one.
        return np.asarray(values.detach().cpu())
    if type(values).__module__.partition(".")[0] == "awkward":
        return _of_awkward(values, name, length)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: rows of different lengths; expected {length} numbers in each") from error


def _of_awkward(values: Any, name: str, length: int) -> NDArray[Any]:
    import awkward as ak

    if values.ndim != 2:
        return np.asarray(ak.to_numpy(values))
    lengths = ak.to_numpy(ak.num(values))
    wrong = np.flatnonzero(lengths != length)
    if len(wrong):
        raise DataError(f"{name}: event {wrong[0]} has {lengths[wrong[0]]} numbers; expected {length}")
    # Masked numbers are none, and there is a number for those.
    filled = ak.fill_none(ak.flatten(values), np.nan)
    return np.asarray(ak.to_numpy(filled)).reshape(len(lengths), length)
