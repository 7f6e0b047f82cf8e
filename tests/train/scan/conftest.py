"""Space files, and studies without trainings."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from xec_train.config.train_config import TrainConfig
from xec_train.scan.beginning import Beginning, begin
from xec_train.scan.folder import StudyFolder, StudyRecord
from xec_train.scan.progress import Scan
from xec_train.scan.space import SpaceFile
from xec_train.scan.storage import open_storage
from xec_train.scan.study import Queue

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Scan]:
    """Make a study from the content of a space file; nothing is trained in it."""
    number = itertools.count()

    def make(*, kept: str = "memory", **content: Any) -> Scan:
        space = SpaceFile.model_validate({"name": "study", **content})
        folder = StudyFolder(tmp_path / "scans" / "study")
        folder.create()
        file = tmp_path / f"study-{next(number)}"
        addresses = {"journal": f"{file}.log", "database": f"sqlite:///{file}.db"}
        storage = optuna.storages.InMemoryStorage() if kept == "memory" else open_storage(addresses[kept])
        queues = tuple(Queue(folder, storage, space, search) for search in space.searches)
        return Scan(folder, StudyRecord(name="study", settings={}, space=space), queues)

    return make


@pytest.fixture
def begun(configure: Callable[..., TrainConfig], small: tuple[str, ...]) -> Callable[..., Beginning]:
    """Begin a study of small trainings from the text of a space file."""

    def make(text: str, *changes: str, **options: Any) -> Beginning:
        configure()
        Path("space.yaml").write_text(text)
        given = {change.partition("=")[0] for change in changes}
        rest = [word for word in small if word.partition("=")[0] not in given]
        beginning = begin(["run.yaml", "space.yaml", *rest, *changes], **options)
        beginning.begin()
        return beginning

    return make
