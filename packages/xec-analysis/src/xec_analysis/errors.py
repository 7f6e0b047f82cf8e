"""The error of this package."""

from __future__ import annotations

from xec_geometry.errors import XecError


class AnalysisError(XecError):
    """A result, event or option that cannot be shown."""
