"""The errors of a scan."""

from __future__ import annotations

from xec_geometry.errors import XecError


class ScanError(XecError):
    """A space that cannot be searched, or a study that cannot begin or go on."""


class NothingCompletedError(ScanError):
    """A study in which no trial has reached its end."""
