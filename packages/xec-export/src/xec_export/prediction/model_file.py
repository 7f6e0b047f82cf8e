"""The file of a network: its form, the files that belong to it, and whether it is made for this geometry."""

from __future__ import annotations

from pathlib import Path

from xec_export.errors import ExportError
from xec_export.onnx.description import ModelDescription
from xec_geometry import geometry_hash
from xec_geometry.detector.names import check_layout
from xec_geometry.errors import did_you_mean
from xec_geometry.support.input import special_kind

COMPILED = ".pt2"
"""Suffix of packages of compiled code."""

_CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt")


def check_model_file(path: Path) -> None:
    """Check that a path names a file, and not one of the kinds that are often given by mistake.

    Raises
    ------
    ExportError
        If it is missing, a folder, or a ROOT or configuration file.
    """
    expected = "expected an ONNX file or a checkpoint"
    if path.is_dir():
        inside = sorted(file.name for pattern in ("*.onnx", "*.pth") for file in path.glob(pattern))
        hint = f", such as {path / inside[0]}" if inside else ""
        raise ExportError(f"{path} is a folder; {expected}{hint}")
    if not path.exists():
        neighbours = (entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else ()
        raise ExportError(f"no such file: {path}{did_you_mean(path.name, neighbours)}; {expected}")
    if kind := special_kind(path):
        raise ExportError(f"{path} is {kind}; {expected}")
    with path.open("rb") as file:
        start = file.read(5)
    if start == b"root\0" or start[:4] == b"root":
        raise ExportError(f"{path} is a ROOT file; {expected} as the model")
    if not start:
        raise ExportError(f"{path} is empty; {expected}")


def files_of(model: Path) -> list[Path]:
    """Return the files of a model: itself, and the description beside it if there is one."""
    description = model.with_suffix(".json")
    return [model, *([description] if description.exists() else [])]


def is_checkpoint(path: Path) -> bool:
    """Distinguish a checkpoint (a zip archive, or a pickle of older versions of torch) from an ONNX file."""
    if path.suffix == COMPILED:
        raise ExportError(
            f"{path}: compiled code, which xec does not run; expected a checkpoint or an ONNX file (libtorch "
            "runs the package, and in Python xec_export.formats.pt2.Pt2Package)"
        )
    with path.open("rb") as file:
        start = file.read(4)
    return start.startswith((b"PK", b"\x80")) or path.suffix in _CHECKPOINT_SUFFIXES


def check_geometry(description: ModelDescription, path: Path) -> None:
    """Compare how a network's sensors are numbered and sorted with what is installed.

    The positions are its own: a graph and a checkpoint hold what they need of them.

    Raises
    ------
    ExportError
        If sensors, index maps or neighbours are others: its predictions would be wrong.
    """
    installed = geometry_hash(check_layout(description.layout))
    found = description.nominal_hash or description.geometry_hash
    if found != installed:
        raise ExportError(
            f"{path}: made for another geometry (layout '{description.layout}', hash "
            f"{found[:12]}, installed {installed[:12]}); its predictions would be wrong"
        )


def describe_file(path: Path) -> ModelDescription:
    """Read what a network is, from whatever form of it.

    Parameters
    ----------
    path
        An exported network, or a checkpoint.

    Raises
    ------
    ExportError, CheckpointError
        If it is neither, or damaged.
    """
    check_model_file(path)
    if path.suffix == COMPILED:
        from xec_export.formats.pt2 import read_metadata as read_pt2

        return ModelDescription.from_metadata(read_pt2(path), path)
    if is_checkpoint(path):
        from xec_export.forms.form import ExportOptions
        from xec_export.forms.table import build_exportable
        from xec_models.checkpoint.reading import read_checkpoint

        return build_exportable(read_checkpoint(path), path, ExportOptions()).description
    from xec_export.onnx.reading import read_metadata

    return ModelDescription.from_metadata(read_metadata(path), path)
