"""ONNX files read as they stand, whether or not they can be run here; without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xec_export.errors import ExportError
from xec_geometry.support.text import first_line

if TYPE_CHECKING:
    import onnx


def read_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file.

    Raises
    ------
    ExportError
        If it is no ONNX file.
    """
    import onnx

    try:
        return onnx.load(path, load_external_data=False)
    except Exception as error:
        # Protobuf's exceptions have other types in other implementations of it.
        raise ExportError(f"{path}: not an ONNX file: {first_line(error)}") from error


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of an ONNX file.

    Raises
    ------
    ExportError
        If it is no ONNX file.
    """
    return {item.key: item.value for item in read_graph(path).metadata_props}
