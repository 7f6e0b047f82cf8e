"""Inputs of a network and its outputs in a file that C++ reads in a few lines, to compare with there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xec_export.onnx.description import ModelDescription
from xec_geometry.support.output import OutputError, atomic_output, check_writable, is_same_file

FIRST_LINE = "xec-inputs 2"
LAST_LINE = "data"

DUMPED_EVENTS = 64
"""Events in such a file, unless stated: 2.4 MB of a regressor."""

# Numbers that C++ reads as they stand on every processor of today.
_NUMBERS = np.dtype("<f4")

Floats = NDArray[np.float32]


class InputDump:
    """A file of events as they enter a network, and of its outputs.

    The file begins with lines of text, a name and its value each: ``xec-inputs 2``, ``network``,
    ``geometry_hash``, ``mirror_average`` (0 or 1), ``events``, ``sensors``, ``input`` with a name for each
    input, ``output`` with a name and how many numbers an event has of it for each output, and ``data`` as the
    last one. Little-endian float32 numbers follow: for every event a number of every sensor for each input,
    then those of all outputs.

    Parameters
    ----------
    file
        Open for writing.
    description
        The network.
    n_events
        Number of events in the file; more that are added are left out.
    """

    def __init__(self, file: BinaryIO, description: ModelDescription, n_events: int) -> None:
        self._file, self._description = file, description
        self.n_events = n_events
        self._left = n_events
        lines = [
            FIRST_LINE,
            f"network {' '.join(description.name.split())}",
            f"geometry_hash {description.geometry_hash}",
            f"mirror_average {int(description.mirror_average)}",
            f"events {n_events}",
            f"sensors {description.n_sensors}",
            *(f"input {name}" for name in description.inputs),
            *(f"output {output.name} {math.prod(output.axes)}" for output in description.outputs),
            LAST_LINE,
        ]
        file.write(("\n".join(lines) + "\n").encode())

    @property
    def is_full(self) -> bool:
        """Whether all events are there."""
        return self._left == 0

    def add(self, inputs: Sequence[NDArray[Any]], outputs: Mapping[str, Floats]) -> None:
        """Add events, as far as the file has room for them.

        Parameters
        ----------
        inputs
            What went into the network, (n, sensors) each, in the order of its description.
        outputs
            What it gave, by name.
        """
        parts = [*inputs, *(outputs[name] for name in self._description.output_names)]
        n = min(self._left, len(inputs[0]))
        if n == 0:
            return
        # A number beyond float32 becomes infinite, as it does on its way into the network.
        with np.errstate(over="ignore"):
            rows = np.concatenate([part[:n].reshape(n, -1) for part in parts], axis=1, dtype=_NUMBERS)
        self._file.write(rows.tobytes())
        self._left -= n


def check_dump(dump: Path, output: Path, inputs: Sequence[Path]) -> Path:
    """Check that a file can be written beside the output of a command.

    Raises
    ------
    OutputError
        If it is that output or an input, or cannot be written.
    """
    if is_same_file(dump, output):
        raise OutputError(f"cannot write {dump}: it is the output of the command; expected another name")
    return check_writable(dump, inputs=inputs)


@contextmanager
def open_input_dump(path: Path, description: ModelDescription, n_events: int) -> Iterator[InputDump]:
    """Open a file for `n_events` events; it appears under its name when the block has ended.

    Yields
    ------
    InputDump
        To add events to.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_output(path) as temporary, temporary.open("wb") as file:
        yield InputDump(file, description, n_events)
