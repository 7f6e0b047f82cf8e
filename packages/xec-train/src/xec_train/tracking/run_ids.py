"""mlflow_runs.json: ids of a run on MLflow servers, and addresses of servers."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from xec_geometry.support.output import atomic_output
from xec_train.config.expansion import checked_address
from xec_train.config.sections import MlflowConfig
from xec_train.errors import TrainError

DEFAULT_DATABASE = "mlflow.db"
_SQLITE = "sqlite:///"
_VARIABLE = "MLFLOW_TRACKING_URI"


class RunIds:
    """The file of ids; servers are named without user and password.

    Parameters
    ----------
    path
        The file. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[str, str]:
        """Return the ids by the names of the servers."""
        return self._read()

    def get(self, uri: str) -> str | None:
        """Return the id of the run on a server; None if unknown."""
        return self._read().get(server_name(uri))

    def remember(self, uri: str, run_id: str) -> None:
        """Store the id of the run on a server."""
        content = {**self._read(), server_name(uri): run_id}
        with atomic_output(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def _read(self) -> dict[str, str]:
        if not self.path.is_file():
            return {}
        content: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        return content


def tracking_uri(config: MlflowConfig) -> str:
    """Return the server of the configuration or the environment; by default SQLite in the working folder.

    Raises
    ------
    TrainError
        If what the environment names is no address; the configuration has been checked.
    """
    if config.tracking_uri:
        return config.tracking_uri
    uri = os.environ.get(_VARIABLE)
    return checked_uri(uri, f"${_VARIABLE}") if uri else f"{_SQLITE}{DEFAULT_DATABASE}"


def checked_uri(uri: str, where: str) -> str:
    """Return a tracking URI that somebody gave elsewhere than in a configuration.

    Parameters
    ----------
    uri
        The URI.
    where
        Where it was given.

    Raises
    ------
    TrainError
        If it is no address.
    """
    try:
        return checked_address(uri)
    except ValueError as error:
        # Without the address itself, which may hold a password.
        raise TrainError(f"{where}: {error}") from None


def server_name(uri: str) -> str:
    """Return a tracking URI without password and relative path, to store and compare."""
    return without_password(absolute(uri))


def absolute(uri: str) -> str:
    """Return a tracking URI with an absolute path."""
    if not uri.startswith(_SQLITE):
        return uri
    return _SQLITE + str(Path(uri.removeprefix(_SQLITE)).resolve())


def without_password(uri: str) -> str:
    """Return a URI without user and password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def viewing_hint(uri: str) -> str:
    """Return the command or address to view the runs in a browser."""
    shown = without_password(uri)
    return (
        f"open {shown}" if shown.startswith("http") else f"mlflow ui --backend-store-uri {shlex.quote(shown)}"
    )
