"""The error of a cluster."""

from __future__ import annotations

from xec_geometry.errors import XecError


class ClusterError(XecError):
    """A profile that cannot be used, or a job that SLURM refuses or does not know."""
