"""Predictions of a network for events in any arrays, as numpy arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_data.errors import DataError
from xec_data.reading.in_memory import as_event_rows
from xec_geometry import N_SENSORS
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from xec_models.encoder.network import EventNetwork

Library = Literal["np", "torch"]
"""What predictions are given in: numpy arrays, or tensors on the device of the network."""

LIBRARIES: tuple[Library, ...] = ("np", "torch")


def check_library(library: str) -> None:
    """Check the name of a library.

    Raises
    ------
    ModelError
        If it is none of `LIBRARIES`.
    """
    if library not in LIBRARIES:
        raise ModelError(f"library {library!r}; expected one of {', '.join(map(repr, LIBRARIES))}")


def event_rows(values: Any, name: str) -> NDArray[Any]:
    """Return one event or many as `as_event_rows` does, contiguous and in this machine's byte order.

    Raises
    ------
    ModelError
        If they are no events.
    """
    try:
        rows = as_event_rows(values, name)
    except DataError as error:
        raise ModelError(str(error)) from error
    # torch takes neither other byte orders nor views that run backwards.
    return np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("="))


def predict_events(network: EventNetwork, readings: Sequence[Any], batch_size: int) -> dict[str, Tensor]:
    """Predict for any number of events, a batch at a time, without gradients.

    Parameters
    ----------
    network
        The network; it is asked as it is, in training mode, too.
    readings
        Its arguments, (n, N_SENSORS) or (N_SENSORS,) each, in any arrays.
    batch_size
        Largest number of events at a time.

    Returns
    -------
    dict
        What the network gives, by name: tensors on its device, one row an event.

    Raises
    ------
    ModelError
        If the arrays are no events, or not equally many.
    """
    names = ("npho", "time", *(f"argument {number}" for number in range(3, len(readings) + 1)))
    rows = [event_rows(values, name) for values, name in zip(readings, names, strict=False)]
    n_events = len(rows[0])
    for name, values in zip(names, rows, strict=False):
        if len(values) != n_events:
            raise ModelError(f"npho has {n_events} events and {name} {len(values)}; expected the same number")
    if not n_events:
        # Layers take no empty batches; the shapes of results are those of any event.
        one = [np.zeros((1, N_SENSORS), values.dtype) for values in rows]
        return {name: values[:0] for name, values in predict_events(network, one, 1).items()}
    parts: list[dict[str, Tensor]] = []
    with torch.inference_mode():
        for start in range(0, n_events, batch_size):
            batch = (_tensor(values[start : start + batch_size], network) for values in rows)
            parts.append(network(*batch))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _tensor(values: NDArray[Any], network: EventNetwork) -> Tensor:
    if values.dtype.kind == "b":
        return torch.as_tensor(values, device=network.device)
    # A number beyond the network's precision becomes infinite, which is no reading, as before.
    return torch.as_tensor(values, device=network.device).to(next(network.parameters()).dtype)
