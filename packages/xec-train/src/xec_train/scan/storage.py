"""Where a study is kept: a journal file, or a database with an address of SQLAlchemy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_geometry.support.output import check_writable
from xec_geometry.support.text import first_line
from xec_train.scan.errors import ScanError
from xec_train.tracking.run_ids import without_password

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_ADDRESS = re.compile(r"\w+(\+\w+)?://.*")


def open_storage(address: str) -> BaseStorage:
    """Open a storage; a new journal or database is made where there is none.

    Parameters
    ----------
    address
        Path of a journal, or address such as ``sqlite:///study.db`` or ``mysql://user@host/name``.

    Raises
    ------
    ScanError
        If optuna is not installed, or the storage does not answer.
    """
    optuna = import_optuna()
    if not _ADDRESS.fullmatch(address):
        path = check_writable(Path(address))
        if path.exists() and path.stat().st_size and not _is_journal(path):
            raise ScanError(
                f"--storage: {path} is no journal of optuna; expected one, a new file or an address"
            )
        from xec_train.scan.journal_lock import JournalLock

        backend = optuna.storages.journal.JournalFileBackend(str(path), JournalLock(path))
        storage: BaseStorage = optuna.storages.JournalStorage(backend)
        return storage
    try:
        storage = optuna.storages.RDBStorage(address)
    except Exception as error:
        # SQLAlchemy and its drivers have many.
        raise ScanError(f"--storage: {without_password(address)}: {_reason(error)}") from error
    return storage


def import_optuna() -> Any:
    """Import optuna, silent about what is told here anyway.

    Raises
    ------
    ScanError
        If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ScanError("'xec scan' needs optuna: pip install 'xec-train[scan]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"{"


def _reason(error: Exception) -> str:
    text = first_line(error)
    return re.sub(r"//[^/@\s]+@", "//", text)
