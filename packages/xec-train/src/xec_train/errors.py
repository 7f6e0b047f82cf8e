"""The errors that a configuration or a training can end with."""

from __future__ import annotations

from xec_geometry.errors import XecError


class ConfigError(XecError):
    """A configuration that cannot be used: one line per problem, each with its key."""


class TrainError(XecError):
    """A training that cannot start or continue: what was found and what was expected."""


class LaunchError(TrainError):
    """Processes that were started in a way in which they cannot train together."""


class ReportedElsewhereError(XecError):
    """An error that all processes have, and that rank 0 reports."""
