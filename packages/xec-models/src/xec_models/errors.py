"""The errors of networks, their configuration and their files."""

from __future__ import annotations

from xec_geometry.errors import XecError


class ModelError(XecError):
    """A network, task or input that does not fit: what was found and what was expected."""


class CheckpointError(ModelError):
    """A checkpoint file that cannot be read, or that does not fit the network it is loaded into."""


class RunDirectoryError(XecError):
    """A folder that is not the run directory of a training."""
