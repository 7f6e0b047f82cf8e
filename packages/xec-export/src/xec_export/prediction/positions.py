"""Comparison of the positions that a network was trained with and those of a file."""

from __future__ import annotations

from pathlib import Path

from xec_export.errors import ExportError
from xec_geometry import geometry_hash, load_geometry
from xec_geometry.detector.names import check_layout


def check_positions(path: Path, source: str, *, trained: str, trained_hash: str, layout: str) -> None:
    """Check that a network was trained with the positions of a file.

    Parameters
    ----------
    path
        The network, for messages.
    source
        ``nominal``, or the path of a table, see `xec_geometry.load_geometry`.
    trained
        What the training called its geometry: ``nominal``, or a path, which may be gone.
    trained_hash, layout
        `xec_geometry.geometry_hash` of the network's positions, and its layout.

    Raises
    ------
    ExportError
        If they are others.
    GeometryError
        If the table cannot be read.
    """
    given = geometry_hash(check_layout(layout), load_geometry(source))
    if given != trained_hash:
        raise ExportError(
            f"{path} was trained with the positions of {trained} (hash {trained_hash[:12]}), not those of "
            f"{source} (hash {given[:12]}); give that geometry, or none: the network has its own positions"
        )
