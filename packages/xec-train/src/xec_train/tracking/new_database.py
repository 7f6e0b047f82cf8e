"""A new MLflow database in an SQLite file: complete when it appears, also if many trainings begin at once."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from xec_geometry.support.leftovers import remove_leftovers, temporary_name

_SQLITE = "sqlite:///"


def create_database(uri: str) -> None:
    """Create the database of a tracking server that is an SQLite file, unless it is there.

    MLflow itself makes the tables one after the other in the file, where another process finds some of them
    and fails. Here each process makes a file of its own, and the first one gives it the name. That needs no
    lock, which many file systems of clusters do not have.

    Parameters
    ----------
    uri
        Tracking server; one of another kind is left alone.
    """
    path = Path(uri.removeprefix(_SQLITE))
    if not uri.startswith(_SQLITE) or path.exists() or not path.parent.is_dir():
        return
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    remove_leftovers(path)
    temporary = path.with_name(temporary_name(path, secrets.token_hex(4)))
    try:
        store = SqlAlchemyStore(f"{_SQLITE}{temporary}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
        store.engine.dispose()
        # Not a renaming, which would replace the database of another process, with its runs. Where there
        # are no links, MLflow makes the file as ever.
        with suppress(OSError):
            os.link(temporary, path)
    finally:
        for part in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + part).unlink(missing_ok=True)
