"""Paths, names and addresses of a configuration: home folders and variables, nothing else is interpreted."""

from __future__ import annotations

import os
import re
from urllib.parse import SplitResult, urlsplit

from xec_geometry.errors import did_you_mean
from xec_geometry.support.entry_points import entry_points

# Of MLflow: servers, databases (also with a driver, as in mysql+pymysql), folders.
_SCHEMES = (
    *("http", "https", "databricks", "databricks-uc", "uc"),
    *("sqlite", "postgresql", "mysql", "mssql"),
    "file",
)
_SCHEMES_OF_OTHERS = "mlflow.tracking_store"  # a group of entry points
_WITH_HOST = ("http", "https")
_EXPECTED = "expected http://HOST:PORT, or a database such as sqlite:///FILE"
# To urllib the host is a scheme, or all of it a path.
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(/.*)?")
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
    """Return the address of a tracking server, a database or a folder, with ``~`` replaced.

    Raises
    ------
    ValueError
        If it is none, or MLflow has no store of that kind.
    """
    if _HOST_AND_PORT.fullmatch(address):
        raise ValueError(f"no address: it names no scheme; {_EXPECTED}")
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ValueError(f"no address: {error}") from None
    scheme = parts.scheme.partition("+")[0].lower()
    if scheme in _WITH_HOST and not _names_host(parts):
        raise ValueError(f"no address: it names no host, or a port that is none; {_EXPECTED}")
    # The scheme of a Windows path is a letter.
    if len(scheme) > 1 and scheme not in _SCHEMES:
        others = [point.name for point in entry_points(group=_SCHEMES_OF_OTHERS)]
        if parts.scheme not in others:
            hint = did_you_mean(scheme, (*_SCHEMES, *others))
            raise ValueError(f"no address: unknown scheme '{scheme}'{hint}; {_EXPECTED}")
    return os.path.expanduser(address)  # noqa: PTH111


def _names_host(parts: SplitResult) -> bool:
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port; its text may be half a password
        return False
