"""mlflow_runs.json: the run on every server that a run directory was sent to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from xec_geometry.support.output import atomic_output
from xec_train.config.sections import MlflowConfig

DEFAULT_DATABASE = "mlflow.db"
_SQLITE = "sqlite:///"


class RunIds:
    """The file; servers are named without user and password.

    Parameters
    ----------
    path
        The file. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, uri: str) -> str | None:
        """The run at a server, if it is known."""
        return self._read().get(server_name(uri))

    def remember(self, uri: str, run_id: str) -> None:
        """Write down the run at a server."""
        content = {**self._read(), server_name(uri): run_id}
        with atomic_output(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def _read(self) -> dict[str, str]:
        if not self.path.is_file():
            return {}
        content: dict[str, str] = json.loads(self.path.read_text(encoding="utf-8"))
        return content


def tracking_uri(config: MlflowConfig) -> str:
    """Where MLflow tracks: the configuration's server, the environment's, or SQLite in the working folder."""
    return config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{DEFAULT_DATABASE}"


def server_name(uri: str) -> str:
    """A tracking URI as it may be written down and compared: no password in it, no relative path."""
    return without_password(absolute(uri))


def absolute(uri: str) -> str:
    """A tracking URI that means the same in every working folder."""
    if not uri.startswith(_SQLITE):
        return uri
    return _SQLITE + str(Path(uri.removeprefix(_SQLITE)).resolve())


def without_password(uri: str) -> str:
    """A URI without the user and password that it may have."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def viewing_hint(uri: str) -> str:
    """What a user does to see the runs in a browser."""
    shown = without_password(uri)
    return f"open {shown}" if shown.startswith("http") else f"mlflow ui --backend-store-uri {shown}"
