"""Pieces of work whose results are files: a later run finds what an earlier one has finished."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.runs.provenance import commit
from xec_geometry.support.output import atomic_output, make_folder

LEDGER = "finished.json"


@dataclass(frozen=True)
class Work:
    """A piece of work.

    Attributes
    ----------
    name
        What it is, for messages; distinct in a folder.
    settings
        All that its result depends on, besides `needs`.
    makes
        Files and folders that it writes, relative to the folder.
    run
        Does it, in the folder.
    needs
        The work whose results it uses.
    """

    name: str
    settings: tuple[str, ...]
    makes: tuple[str, ...]
    run: Callable[[Path], None]
    needs: tuple[Work, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Hash of the settings and of the work that it stands on: the same result has the same."""
        content = json.dumps([self.settings, [work.fingerprint for work in self.needs]])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Finished:
    """When and with what a piece of work was done.

    Attributes
    ----------
    fingerprint
        That of the work.
    seconds
        How long it took.
    date, commit
        Day, and state of the code.
    """

    fingerprint: str
    seconds: float
    date: str
    commit: str


class Ledger:
    """The work that is finished in a folder, kept in a file there.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    AnalysisError
        If the file is not one that this class wrote.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / LEDGER
        self._entries: dict[str, Finished] = {}
        if self._path.exists():
            try:
                content = json.loads(self._path.read_text(encoding="utf-8"))
                self._entries = {name: Finished(**entry) for name, entry in content.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                raise AnalysisError(
                    f"{self._path}: cannot be read ({error}); expected what an earlier run of this command "
                    "wrote, or --overwrite to begin anew"
                ) from error

    def __getitem__(self, work: Work) -> Finished:
        return self._entries[work.name]

    def has(self, work: Work) -> bool:
        """Tell if a piece of work was finished with the same settings, and its files are still there."""
        entry = self._entries.get(work.name)
        there = all((self.folder / name).exists() for name in work.makes)
        return there and entry is not None and entry.fingerprint == work.fingerprint

    def do(self, work: Work) -> None:
        """Do a piece of work, in place of whatever an unfinished one or other settings left behind."""
        self.forget(work)
        for name in work.makes:
            make_folder((self.folder / name).parent)
        start = time.monotonic()
        work.run(self.folder)
        self._entries[work.name] = Finished(
            work.fingerprint, round(time.monotonic() - start, 1), f"{datetime.now(UTC):%Y-%m-%d}", commit()
        )
        self.write()

    def forget(self, work: Work) -> None:
        """Remove the files of a piece of work, and its entry."""
        if self._entries.pop(work.name, None) is not None:
            self.write()
        for name in work.makes:
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write the file."""
        content = {name: asdict(entry) for name, entry in self._entries.items()}
        with atomic_output(self._path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def open_folder(folder: Path, work: Sequence[Work], *, overwrite: bool) -> Ledger:
    """Create a folder for work, or go on in that of an earlier run.

    Parameters
    ----------
    folder
        The folder.
    work
        What is to be done in it.
    overwrite
        Whether to remove all that earlier runs made of it, and nothing else.

    Raises
    ------
    AnalysisError
        If something else is in the folder and `overwrite` is not set.
    OutputError
        If the folder cannot be made.
    """
    make_folder(folder)
    if overwrite:
        (folder / LEDGER).unlink(missing_ok=True)
    elif any(folder.iterdir()) and not (folder / LEDGER).exists():
        raise AnalysisError(
            f"the folder {folder} is not empty and no folder of an earlier run; expected a new or empty one "
            "(-o FOLDER), or --overwrite"
        )
    ledger = Ledger(folder)
    if overwrite:
        for piece in work:
            ledger.forget(piece)
    # From now on the folder is one of this command, even if the first piece of work fails.
    ledger.write()
    return ledger
