"""The error of everything that reads or writes event files."""

from __future__ import annotations

from xec_geometry.errors import XecError


class DataError(XecError):
    """A file, tree, branch or entry that is not what it has to be.

    The message is one line: file, tree, branch and entry as far as they apply, what was found and
    what was expected, and the nearest valid name.
    """
