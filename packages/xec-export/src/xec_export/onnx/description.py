"""The description of an exported network: outputs, branches, units, constants and origin."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from xec_export.errors import ExportError
from xec_export.forms.inputs import GRAPH_INPUTS, READINGS
from xec_geometry.errors import did_you_mean
from xec_geometry.support.text import shortened

FORMAT_VERSION = "1"

_FORMAT_KEY = "xec_format_version"


# Keys that files of earlier releases lack.
_LATER = (
    "mirror_average",
    "input_range",
    "nominal_hash",
    "geometry",
    "resolution",
    "precision",
    "precision_loss",
)


@dataclass(frozen=True)
class OutputDescription:
    """One output of the graph.

    Parameters
    ----------
    name
        Its name in the graph: the task (``angle``), or ``<task>_sigma`` for its uncertainty.
    task
        The task that it belongs to.
    columns
        Names of its columns, in order: ``theta``, ``phi``.
    unit
        Their common unit; several are listed in the order of the columns.
    scale
        How widely each column varied in the training, in the unit; 1 for probabilities and vectors.
    meaning
        One line for people.
    column_units
        The unit of each column, where they differ.
    class_name
        Of a classification: what its classes are of (``n_gamma``). The columns are their probabilities.
    shape
        The axes behind that of the events, where they are not just the columns: ``(sensors,)`` of a single
        column with a number for every sensor, ``(tokens, width)`` where every column is a vector.
    copies
        The input whose numbers it has, bit for bit, where nothing was recovered.
    needs
        Another output, and its least value without which this one is invalid (1e10).
    positions
        Of tokens: where the sensors of each are in the mean, x, y, z in cm.
    """

    name: str
    task: str
    columns: tuple[str, ...]
    unit: str
    scale: tuple[float, ...]
    meaning: str
    column_units: tuple[str, ...] = ()
    class_name: str = ""
    shape: tuple[int, ...] = ()
    copies: str = ""
    needs: tuple[str, float] | None = None
    positions: tuple[tuple[float, float, float], ...] = ()

    @property
    def of_sensors(self) -> bool:
        """Whether it has a number for every sensor."""
        return len(self.shape) == 1

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes behind that of the events."""
        return self.shape or (len(self.columns),)

    def column(self, values: NDArray[Any], number: int) -> NDArray[Any]:
        """Return the values of one column: (n,), or (n, ...) where it has several numbers for an event."""
        return values[:, number] if self.axes[0] == len(self.columns) else values

    def unit_of(self, column: int) -> str:
        """Return the unit of one column."""
        return self.column_units[column] if self.column_units else self.unit


@dataclass(frozen=True)
class ModelDescription:
    """Everything that a user of a network needs besides its weights.

    Parameters
    ----------
    kind
        What it is, a name of `EXPORT_FORMS`: ``regressor``, ``inpainter``.
    name
        The training run.
    outputs
        The outputs of the graph, in its order.
    npho_branch, time_branch
        The branches of the ROOT files that the network was trained on.
    n_sensors
        Length of the inputs.
    layout, geometry_hash
        The index maps, and a hash of positions, maps and neighbours that they are made from.
    geometry
        ``nominal``, or the path of the table that the positions came from. The graph holds what it needs of
        them.
    nominal_hash
        The same hash with the nominal positions; empty if these are nominal. It tells whether a version of
        xec numbers and sorts the sensors in the same way.
    normalization
        The constants of the normalization. For the record: the graph applies them itself.
    versions, export_versions
        Versions of the packages at training, and at export.
    epoch
        The epoch of the checkpoint.
    weights
        ``ema`` (moving average) or ``model``: the weights of the checkpoint that were taken.
    git_revision
        Of the code at training, empty if unknown.
    opset
        The ONNX operator set; None for a network that is not a graph.
    angle_unit
        Unit of all angles, in and out.
    mirror_average
        Whether predictions are averages over the event and its reflections at z = 0, y = 0 and both.
    input_range
        Usual ranges of the training events, see `xec_data.checking.input_range`; empty if unknown.
    resolution
        By task the half width that holds 68 % of the residuals on the validation data, for each column in its
        unit; empty if unknown.
    precision
        Of the products with weights, a name of `PRECISIONS`; all else is in float32.
    precision_loss
        By task, the fraction by which the 68 % width of each column is larger than in float32.
    inputs
        The inputs of the graph, in its order: names of `GRAPH_INPUTS`, the same whatever branches a network
        was trained on.
    """

    kind: str
    name: str
    outputs: tuple[OutputDescription, ...]
    npho_branch: str
    time_branch: str
    n_sensors: int
    layout: str
    geometry_hash: str
    normalization: Mapping[str, Any]
    versions: Mapping[str, str]
    epoch: int | None = None
    weights: str = "ema"
    git_revision: str = ""
    export_versions: Mapping[str, str] = field(default_factory=dict)
    opset: int | None = None
    angle_unit: str = "deg"
    npho_unit: str = "photons"
    time_unit: str = "s"
    inputs: tuple[str, ...] = READINGS
    mirror_average: bool = False
    geometry: str = "nominal"
    nominal_hash: str = ""
    input_range: Mapping[str, Sequence[float]] = field(default_factory=dict)
    resolution: Mapping[str, Sequence[float]] = field(default_factory=dict)
    precision: str = "fp32"
    precision_loss: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of the network, in the order of its outputs."""
        return tuple(dict.fromkeys(output.task for output in self.outputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the graph's outputs."""
        return tuple(output.name for output in self.outputs)

    def only(self, tasks: Sequence[str] | None, where: str) -> ModelDescription:
        """Leave out the outputs of all tasks but some.

        Parameters
        ----------
        tasks
            The tasks that stay; None: all.
        where
            What messages begin with: the file of the network.

        Raises
        ------
        ExportError
            If the network lacks one of them.
        """
        if tasks is None:
            return self
        for task in tasks:
            if task not in self.tasks:
                raise ExportError(
                    f"{where}: no task '{task}'{did_you_mean(task, self.tasks)}; the network has "
                    f"{', '.join(self.tasks)}"
                )
        left = tuple(output for output in self.outputs if output.task in tasks)
        known = {task: widths for task, widths in self.resolution.items() if task in tasks}
        return dataclasses.replace(self, outputs=left, resolution=known)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            _FORMAT_KEY: FORMAT_VERSION,
            "tasks": list(self.tasks),
            "units": {output.name: output.unit for output in self.outputs},
            "input_units": {name: GRAPH_INPUTS[name].unit for name in self.inputs},
            **dataclasses.asdict(self),
        }

    def to_metadata(self) -> dict[str, str]:
        """Return the ``metadata_props`` of an ONNX file: strings as they are, everything else as JSON."""
        return {
            key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for key, value in self.to_dict().items()
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], path: Path) -> ModelDescription:
        """Read the metadata of an ONNX file.

        Parameters
        ----------
        metadata
            Its ``metadata_props``.
        path
            The file, for the messages.

        Raises
        ------
        ExportError
            If `xec export` did not write them, or a newer version did.
        """
        if _FORMAT_KEY not in metadata:
            raise ExportError(
                f"{path}: an ONNX file without the metadata of xec (key {_FORMAT_KEY!r}); "
                "expected a file written by `xec export`"
            )
        if metadata[_FORMAT_KEY] != FORMAT_VERSION:
            raise ExportError(
                f"{path}: metadata of format {metadata[_FORMAT_KEY]}; this version of xec-export reads "
                f"format {FORMAT_VERSION}"
            )
        values: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            if item.name in _LATER and item.name not in metadata:
                continue
            if item.name not in metadata:
                raise ExportError(f"{path}: the metadata lack the key {item.name!r}")
            text = metadata[item.name]
            try:
                values[item.name] = text if item.type == "str" else json.loads(text)
            # Also of a number with too many digits, and of lists in lists without end.
            except (ValueError, RecursionError) as error:
                raise ExportError(
                    f"{path}: the metadata's key {item.name!r} is not JSON: {shortened(text)!r}"
                ) from error
        try:
            # JSON has lists where the description has tuples, and a file of others may have anything.
            description = TypeAdapter(cls).validate_python(values)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise ExportError(
                f"{path}: the metadata's key '{key}' is {shortened(str(first['input']))!r}: {first['msg']}"
            ) from error
        description._check_outputs(path)
        return description

    def _check_outputs(self, path: Path) -> None:
        if unknown := [name for name in self.inputs if name not in GRAPH_INPUTS]:
            raise ExportError(f"{path}: {GRAPH_INPUTS.unknown(unknown[0])}")
        names = self.output_names
        if not names or len(set(names)) < len(names):
            raise ExportError(f"{path}: its outputs are named {list(names)}; expected different names")
        for output in self.outputs:
            n_columns = len(output.columns)
            units = len(output.column_units)
            if len(output.scale) != n_columns or units not in (0, n_columns):
                raise ExportError(
                    f"{path}: the metadata have {n_columns} columns of the output '{output.name}', "
                    f"{len(output.scale)} scales and {units} units; expected the same number"
                )
