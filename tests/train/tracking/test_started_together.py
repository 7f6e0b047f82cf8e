"""Trainings that begin at the same moment in one folder, without an MLflow database yet."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking import sqlalchemy_store

from xec_train.tracking import new_database
from xec_train.tracking.mlflow_run import MlflowRun, import_mlflow

URI = "sqlite:///mlflow.db"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MLflow makes it, which takes seconds."""
    import_mlflow()
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    new_database.create_database(f"sqlite:///{path}")
    return path


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch, database: Path) -> Callable[..., None]:
    """Let the next database be a copy of that one, and something happen meanwhile."""

    def prepare(meanwhile: Callable[[], object] = lambda: None) -> None:
        real = sqlalchemy_store.SqlAlchemyStore

        def make(uri: str, _root: str) -> Any:
            monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", real)
            shutil.copy(database, uri.removeprefix("sqlite:///"))
            meanwhile()
            return SimpleNamespace(engine=SimpleNamespace(dispose=lambda: None))

        monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", make)

    return prepare


def opened(name: str) -> MlflowRun:
    run = MlflowRun(URI, "xec", name)
    run.open({}, {})
    return run


def test_the_second_one_uses_the_database_of_the_first(
    quickly: Callable[..., None],
) -> None:
    first: list[MlflowRun] = []

    def begin() -> None:
        quickly()
        first.append(opened("first"))

    quickly(meanwhile=begin)
    second = opened("second")
    assert first[0].experiment_id == second.experiment_id
    runs = MlflowClient(tracking_uri=second.uri).search_runs([str(second.experiment_id)])
    assert {run.info.run_name for run in runs} == {"first", "second"}
    assert sorted(path.name for path in Path.cwd().iterdir() if "mlflow.db" in path.name) == ["mlflow.db"]


def test_a_database_appears_when_it_is_complete(quickly: Callable[..., None], database: Path) -> None:
    seen: list[bool] = []
    quickly(lambda: seen.append(Path("mlflow.db").exists()))
    new_database.create_database(f"sqlite:///{Path.cwd()}/mlflow.db")
    assert seen == [False]
    assert Path("mlflow.db").read_bytes() == database.read_bytes()
    assert [path.name for path in Path.cwd().iterdir()] == ["mlflow.db"], "and no other file is left"


def test_where_there_are_no_links_mlflow_makes_the_file(
    quickly: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    quickly()
    monkeypatch.setattr("xec_train.tracking.new_database.os.link", refuse)
    new_database.create_database(f"sqlite:///{Path.cwd()}/mlflow.db")
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("uri", ["http://localhost:1", "sqlite:////no/such/folder/mlflow.db"])
def test_other_addresses_are_left_alone(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", None)
    new_database.create_database(uri)


def test_an_experiment_that_another_one_has_just_created(
    quickly: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    quickly()
    first = opened("first")
    real, calls = MlflowClient.get_experiment_by_name, []

    def late(self: MlflowClient, name: str) -> Any:
        calls.append(name)
        return None if len(calls) == 1 else real(self, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", late)
    assert opened("second").experiment_id == first.experiment_id
    assert len(calls) == 2
