"""Readings of any number of events as the batches that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.errors import DataError
from xec_data.reading.in_memory import as_event_rows
from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription

Floats = NDArray[np.float32]


def in_batches(
    run: Callable[[Floats, Floats], Mapping[str, Floats]],
    description: ModelDescription,
    batch_size: int,
    npho: ArrayLike,
    time: ArrayLike,
) -> dict[str, Floats]:
    """Predict for any number of events, a batch at a time.

    Parameters
    ----------
    run
        ``(npho, time) → outputs`` of a batch, by name.
    description
        The network.
    batch_size
        Largest number of events at a time.
    npho, time
        As for `Predictor.predict`.

    Returns
    -------
    dict
        As `Predictor.predict`.

    Raises
    ------
    ExportError
        If the readings have another shape.
    """
    inputs = [
        as_events(values, name, description.n_sensors)
        for values, name in zip((npho, time), description.inputs, strict=True)
    ]
    n_events = len(inputs[0])
    if len(inputs[1]) != n_events:
        raise ExportError(f"npho has {n_events} events and time {len(inputs[1])}; expected the same number")
    outputs = {
        output.name: np.empty((n_events, len(output.columns)), np.float32) for output in description.outputs
    }
    for start in range(0, n_events, batch_size):
        batch = slice(start, start + batch_size)
        found = run(inputs[0][batch], inputs[1][batch])
        for name, target in outputs.items():
            target[batch] = found[name]
    return outputs


def as_events(values: Any, name: str, n_sensors: int) -> Floats:
    """Return readings as (events, n_sensors) float32, one event with an axis of events too.

    Parameters
    ----------
    values
        Arrays of numpy, awkward or torch, see `as_event_rows`.
    name
        What they are, for messages.
    n_sensors
        Numbers of an event.

    Raises
    ------
    ExportError
        If they have another shape.
    """
    try:
        events = as_event_rows(values, name, n_sensors)
    except DataError as error:
        raise ExportError(str(error)) from error
    # A number beyond float32 becomes infinite, which is an invalid reading like any other.
    with np.errstate(over="ignore"):
        return np.require(events, np.float32, ["C", "W"])
