"""Events and their predictions in a file that C++ reads in a few lines, to compare with there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from xec_export.onnx.description import ModelDescription
from xec_geometry.support.output import atomic_output

FIRST_LINE = "xec-inputs 1"
LAST_LINE = "data"

# Numbers that C++ reads as they stand on every processor of today.
_NUMBERS = np.dtype("<f4")

Floats = NDArray[np.float32]


class InputDump:
    """A file of events as they enter a network, and of its predictions.

    The file begins with lines of text, a name and its value each: ``xec-inputs 1``, ``network``,
    ``geometry_hash``, ``mirror_average`` (0 or 1), ``events``, ``sensors``, ``output`` with a name and a
    number of columns for each output, and ``data`` as the last one. Little-endian float32 numbers follow:
    for every event the photons and the times of all sensors, then the columns of all outputs.

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
            *(f"output {output.name} {len(output.columns)}" for output in description.outputs),
            LAST_LINE,
        ]
        file.write(("\n".join(lines) + "\n").encode())

    def add(self, npho: Floats, time: Floats, outputs: Mapping[str, Floats]) -> None:
        """Add events, as far as the file has room for them.

        Parameters
        ----------
        npho, time
            What went into the network, (n, sensors).
        outputs
            What it gave, as `Predictor.predict` does.
        """
        parts = [npho, time, *(outputs[name] for name in self._description.output_names)]
        rows = np.concatenate([part[: self._left] for part in parts], axis=1, dtype=_NUMBERS)
        self._file.write(rows.tobytes())
        self._left -= len(rows)


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
