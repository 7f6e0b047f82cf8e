"""The folder of a study, ``scans/NAME``: what is searched, the runs of its trials, and its results."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import atomic_output, make_folder
from xec_train.config.yaml_text import write_blocks
from xec_train.scan.errors import ScanError
from xec_train.scan.file_lock import wait_for_lock
from xec_train.scan.space import SpaceFile

DEFAULT_FOLDER = Path("scans")
"""Folder of the folders of all studies, in the working folder."""

_RECORD = "study.json"


class StudyRecord(BaseModel):
    """What a study is.

    Attributes
    ----------
    name
        Its name.
    storage
        Address of the database, or path of the journal; None: the journal of the folder.
    settings
        What its configuration states.
    space
        What is searched.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    storage: str | None = None
    settings: dict[str, Any]
    space: SpaceFile


class StudyFolder:
    """A folder ``scans/NAME``.

    Parameters
    ----------
    path
        Its path. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """The journal, if the study has no database."""
        return self.path / "journal.log"

    @property
    def runs(self) -> Path:
        """Folder of the run directories of all trials."""
        return self.path / "runs"

    @property
    def workers(self) -> Path:
        """Folder of the files that tell which workers live, and of what they print."""
        return self.path / "workers"

    @property
    def logs(self) -> Path:
        """Folder of what the training of each trial printed."""
        return self.path / "logs"

    @property
    def table(self) -> Path:
        """All trials: a row each."""
        return self.path / "trials.csv"

    @property
    def best(self) -> Path:
        """The configuration of the best trial."""
        return self.path / "best.yaml"

    @property
    def plots(self) -> Path:
        """Folder of plots."""
        return self.path / "plots"

    @property
    def mlflow_runs(self) -> Path:
        """Ids of the study's run on MLflow servers."""
        return self.path / "mlflow_runs.json"

    def create(self) -> None:
        """Make the folder if there is none."""
        for path in (self.path, self.runs, self.logs, self.workers):
            make_folder(path)

    def write(self, record: StudyRecord) -> None:
        """Remember what the study is; its settings and space also as people write them."""
        content = record.model_dump(mode="json", exclude_unset=True)
        with atomic_output(self.path / "config.yaml") as temporary:
            temporary.write_text(write_blocks(content["settings"]), encoding="utf-8")
        with atomic_output(self.path / "space.yaml") as temporary:
            temporary.write_text(write_blocks(content["space"]), encoding="utf-8")
        with atomic_output(self.path / _RECORD) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def read(self) -> StudyRecord | None:
        """Return what the study is; None if it has not begun.

        Raises
        ------
        ScanError
            If the file is damaged.
        """
        path = self.path / _RECORD
        if not path.is_file():
            return None
        try:
            return StudyRecord.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise ScanError(f"{path}: not a record of a study; another --name begins a new one") from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other workers waiting in the block, which should be short.

        The lock ends with the process. Where a file system has no locks there is none; then two workers that
        look for a trial in the same moment may find one more than there should be.
        """
        descriptor = wait_for_lock(self.path / ".lock")
        try:
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)


def find_study(name: str, folder: Path = DEFAULT_FOLDER) -> tuple[StudyFolder, StudyRecord]:
    """Find a study by its name or its folder.

    Raises
    ------
    ScanError
        If there is none.
    """
    for path in (folder / name, Path(name)):
        found = StudyFolder(path)
        if (record := found.read()) is not None:
            return found, record
    names = sorted(path.parent.name for path in folder.glob(f"*/{_RECORD}"))
    here = f"{folder} has {', '.join(names[:5])}{', …' if len(names) > 5 else ''}" if names else "none here"
    raise ScanError(f"no study '{name}'{did_you_mean(name, names)}; {here}")
