"""Runs that are sent to a tracking server after their training."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.checkpoint_files import read_checkpoint

from xec_geometry.cli.application import main
from xec_models.checkpoint.run_directory import RunDirectory, RunDirectoryError
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.training import train
from xec_train.tracking.metrics_file import read_metrics
from xec_train.tracking.run_ids import RunIds, server_name, viewing_hint
from xec_train.tracking.upload import upload_run

# MLflow's tables use what SQLAlchemy deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To make the tables takes MLflow many seconds: once is enough."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def server(empty_database: Path, tmp_path: Path) -> str:
    """A database in the working folder, where MLflow looks by default."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def runs_on(server: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments))


def numbers_on(server: str, run_id: str) -> list[tuple[str, int, float]]:
    """Every number that a server has, but for the epoch."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    names = set(client.get_run(run_id).data.metrics) - {"epoch"}
    histories = [(name, client.get_metric_history(run_id, name)) for name in names]
    return sorted((name, item.step, item.value) for name, history in histories for item in history)


def numbers_in(run: RunDirectory) -> list[tuple[str, int, float]]:
    rows = read_metrics(run.metrics)
    return sorted((row["metric"], int(row["step"]), float(row["value"])) for row in rows)


def test_an_untracked_run_is_sent_once(
    configure: Callable[..., TrainConfig], server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(configure("training.epochs=2", "mlflow.run_name=later", "mlflow.experiment=nights"))
    (run.plots).mkdir()
    (run.plots / "curve.pdf").write_bytes(b"%PDF")
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(["track", "upload", str(run.path)])
        assert ended.value.code == 0
    printed = capsys.readouterr().out
    n = len(numbers_in(run))
    assert "new run 'later' in the experiment 'nights': " in printed
    assert "completed run 'later' in the experiment 'nights': 0 values, 2 data files, " in printed
    assert "  mlflow ui --backend-store-uri sqlite:///mlflow.db\n" in printed

    (sent,) = runs_on(server)
    assert sent.info.run_name == "later"
    assert sent.info.status == "FINISHED"
    assert sent.info.start_time <= sent.info.end_time
    assert numbers_on(server, sent.info.run_id) == numbers_in(run)
    assert n == len(numbers_on(server, sent.info.run_id))
    assert sent.data.params["training.lr"] == "0.003"
    assert len(sent.inputs.dataset_inputs) == 2
    assert sent.data.tags["mlflow.source.git.commit"] == read_checkpoint(run.checkpoint_last)["git_revision"]

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    files = {item.path for item in client.list_artifacts(sent.info.run_id)}
    assert {"config.yaml", "metrics.csv", "data_files.csv", "validation_results_later.root"} <= files
    assert not [name for name in files if name.endswith(".pth")]
    assert [item.path for item in client.list_artifacts(sent.info.run_id, "plots")] == ["plots/curve.pdf"]


def test_a_run_that_was_tracked_in_part_is_completed(
    configure: Callable[..., TrainConfig], server: str
) -> None:
    """The server had the first epoch; of the second it has nothing."""
    changes = ("mlflow.enabled=true", "mlflow.run_name=partly", "mlflow.wait_at_end=300")
    run = train(configure(*changes, "training.epochs=1"))
    (tracked,) = runs_on(server)
    first = numbers_on(server, tracked.info.run_id)
    assert first == numbers_in(run)
    continued = f"checkpoint.resume_from={run.checkpoint_last}"
    train(configure(*changes, "mlflow.enabled=false", "training.epochs=2", continued))

    # The id stands in the run directory; without it, as for older runs, in the checkpoint.
    RunDirectory(run.path).mlflow_runs.unlink()
    assert read_checkpoint(run.checkpoint_last)["mlflow_run_id"] == tracked.info.run_id

    upload_run(run.path, None, lambda _: None)
    (completed,) = runs_on(server)
    assert completed.info.run_id == tracked.info.run_id
    assert set(first) < set(numbers_on(server, completed.info.run_id))
    assert numbers_on(server, completed.info.run_id) == numbers_in(run)
    assert RunIds(run.mlflow_runs).get(server) == tracked.info.run_id


def test_a_killed_run_is_sent_as_killed_and_numbers_that_are_none_too(tmp_path: Path, server: str) -> None:
    run = RunDirectory(tmp_path / "killed")
    run.path.mkdir()
    run.config.write_text("mlflow: {experiment: e}\ntraining: {epochs: 3}\n")
    with run.metrics.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", "step", "metric", "value", "timestamp"])
        for step, value in enumerate(("nan", "inf", "-inf", "0.1")):
            writer.writerow([1, step, "loss", value, f"2026-01-01T00:00:0{step}.000+00:00"])
        file.write("1,9,lo")
    said: list[str] = []
    for _ in range(2):
        upload_run(run.path, server, said.append)
    (sent,) = runs_on(server)
    assert sent.info.status == "KILLED"
    assert sent.info.end_time - sent.info.start_time == 3000
    assert len(numbers_on(server, sent.info.run_id)) == 4
    assert "  8 values were there already" in said


def test_errors_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no such run directory: nowhere"):
        upload_run(Path("nowhere"), None, pytest.fail)
    run = tmp_path / "begun"
    run.mkdir()
    (run / "config.yaml").write_text("mlflow: {}\ntraining: {epochs: 1}\n")
    with pytest.raises(TrainError, match=r"begun holds no metrics.csv, expected the numbers"):
        upload_run(run, None, pytest.fail)
    (run / "metrics.csv").write_text("epoch,step,metric,value,timestamp\n")
    # Nothing listens on the port "discard".
    message = f"MLflow at http://127.0.0.1:9 does not accept {run}: Connection refused"
    with pytest.raises(TrainError) as caught:
        upload_run(run, "http://user:secret@127.0.0.1:9", pytest.fail)
    assert str(caught.value) == message
    assert not (run / "mlflow_runs.json").exists()


def test_servers_are_named_without_password_and_relative_path(tmp_path: Path) -> None:
    ids = RunIds(tmp_path / "mlflow_runs.json")
    ids.remember("http://me:secret@host:5000", "1")
    ids.remember("sqlite:///mlflow.db", "2")
    assert "secret" not in ids.path.read_text()
    assert ids.get("http://host:5000") == "1"
    assert ids.get(f"sqlite:///{tmp_path / 'mlflow.db'}") == "2"
    assert ids.get("http://host:5001") is None
    assert server_name("postgresql://me:x@host/db") == "postgresql://host/db"
    assert viewing_hint("https://me:x@host") == "open https://host"
