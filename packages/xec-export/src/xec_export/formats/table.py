"""The table of the formats of exported networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_export.errors import ExportError
from xec_geometry.support.registry import Registry

if TYPE_CHECKING:
    from torch import nn

    from xec_export.onnx.description import ModelDescription

Run = Callable[..., Mapping[str, Any]]
"""Maps the inputs of a network, (n, sensors) float32 each, to its outputs by name."""


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    Attributes
    ----------
    name
        Value of ``--format``.
    suffix
        The end of its files' names.
    summary
        One line for people.
    write
        Writes a network and its description to a file; returns the operations that may have a lower
        precision.
    open
        Opens a file to run it.
    json_suffix
        What takes the place of the suffix in the name of the description beside the file.
    has_opset
        Whether it has an operator set of ONNX.
    """

    name: str
    suffix: str
    summary: str
    write: Callable[[nn.Module, ModelDescription, Path], tuple[str, ...]]
    open: Callable[[Path], Run]
    json_suffix: str
    has_opset: bool = False

    def json_of(self, path: Path) -> Path:
        """Return the name of the description beside a file."""
        return path.with_suffix(self.json_suffix)


def _write_onnx(network: nn.Module, description: ModelDescription, path: Path) -> tuple[str, ...]:
    from xec_export.onnx.graph import write_onnx

    return write_onnx(network, description, path)


def _open_onnx(path: Path) -> Run:
    from xec_export.prediction.graph import OnnxGraph

    return OnnxGraph(path)


def _write_pt2(network: nn.Module, description: ModelDescription, path: Path) -> tuple[str, ...]:
    from xec_export.formats.pt2 import write_pt2

    write_pt2(network, description, path)
    return ()


def _open_pt2(path: Path) -> Run:
    from xec_export.formats.pt2 import Pt2Package

    return Pt2Package(path)


ONNX = "onnx"

EXPORT_FORMATS: Registry[ExportFormat] = Registry(
    "format",
    (
        ExportFormat(
            ONNX, ".onnx", "a graph for ONNX Runtime", _write_onnx, _open_onnx, ".json", has_opset=True
        ),
        ExportFormat(
            "pt2", ".pt2", "code compiled for this machine, for libtorch", _write_pt2, _open_pt2, ".pt2.json"
        ),
    ),
    group="xec.export_formats",
    error=ExportError,
)
"""Every format by its name. Installed packages add theirs in the group ``xec.export_formats``."""
