"""Check of the tracking store that a training without further settings would use."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from xec_geometry.errors import XecError
from xec_train.config.sections import MlflowConfig
from xec_train.doctor.finding import Finding
from xec_train.tracking.run_ids import absolute, tracking_uri, without_password

_SQLITE = "sqlite:///"
_PATIENCE = 3.0  # seconds
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}


def store() -> Iterator[Finding]:
    """The tracking store: its address, and whether it answers."""
    try:
        uri = absolute(tracking_uri(MlflowConfig()))
    except XecError as error:
        yield Finding("tracking store", "none", str(error))
        return
    where = "$MLFLOW_TRACKING_URI" if os.environ.get("MLFLOW_TRACKING_URI") else "the default"
    problem = _of_file(Path(uri.removeprefix(_SQLITE))) if uri.startswith(_SQLITE) else _of_server(uri)
    yield Finding("tracking store", f"{without_password(uri)} ({where})", problem)


def _of_file(path: Path) -> str:
    if not path.exists():
        return (
            "" if os.access(path.parent, os.W_OK) else f"it cannot be created: {path.parent} is not writable"
        )
    if not os.access(path, os.W_OK):
        return "it is not writable"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
            (said,) = connection.execute("pragma quick_check").fetchone()
    except sqlite3.Error as error:
        return f"it does not answer: {error}"
    return "" if said == "ok" else f"it is damaged: {said}"


def _of_server(uri: str) -> str:
    parts = urlsplit(uri)
    port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    if not parts.hostname or port is None:
        return ""
    try:
        socket.create_connection((parts.hostname, port), timeout=_PATIENCE).close()
    except OSError as error:
        return f"it does not answer: {error.strerror or error}; 'xec track upload' sends runs later"
    return ""
