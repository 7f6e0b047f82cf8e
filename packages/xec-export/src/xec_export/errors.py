"""The errors of export and inference that a user can cause."""

from __future__ import annotations

from xec_geometry.errors import XecError


class ExportError(XecError):
    """A model file, an input or an option that cannot be exported or predicted with."""
