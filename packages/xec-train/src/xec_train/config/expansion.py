"""Paths, names and addresses of a configuration: home folders and variables, nothing else is interpreted."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def expanded_path(path: str) -> str:
    """Replace ``~``, ``$VAR`` and ``${VAR}``; variables that are not set stay, as parts of a name."""
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111


def expanded_name(name: str) -> str:
    """Replace ``${VAR}`` in the name of a run.

    Raises
    ------
    ValueError
        If a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ValueError(f"the environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return _VARIABLE.sub(value, name)


def checked_address(address: str) -> str:
    """Return the address of a server or a database; of a folder, with ``~`` replaced.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        urlsplit(address)
    except ValueError as error:
        raise ValueError(f"no address: {error}") from None
    return os.path.expanduser(address)  # noqa: PTH111
