"""metrics.csv and MLflow: what a run leaves there, and a server that does not answer."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from xec_train.config.sections import MlflowConfig, TrainConfig
from xec_train.tracking.base import flatten
from xec_train.tracking.metrics_file import COLUMNS, MetricsFile
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.training import train

Configure = Callable[..., TrainConfig]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_file_has_one_row_per_number(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.csv")
    file.start({})
    file.log({"a": 1 / 3, "b": 2}, epoch=1, step=10)
    written = rows(file.path)
    assert tuple(written[0]) == COLUMNS
    assert [(row["epoch"], row["step"], row["metric"]) for row in written] == [
        ("1", "10", "a"),
        ("1", "10", "b"),
    ]
    assert float(written[0]["value"]) == 1 / 3


def test_a_resumed_run_loses_what_it_does_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    first = MetricsFile(path)
    first.start({})
    for step in (10, 20, 30):
        first.log({"loss": step}, epoch=1, step=step)
    MetricsFile(path, resumed_step=20).start({})
    assert [row["step"] for row in rows(path)] == ["10", "20"]


def test_flattened_configuration() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


# MLflow's tables use what SQLAlchemy deprecates.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_content_of_an_mlflow_run(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    changes = (
        "mlflow.enabled=true",
        "mlflow.run_name=tracked",
        "mlflow.experiment=angles",
        "training.epochs=1",
    )
    run = train(configure(*changes))
    resumed = train(
        configure(*changes[:3], "training.epochs=2", f"checkpoint.resume_from={run.checkpoint_last}")
    )
    assert resumed.path == run.path

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("angles")
    assert experiment is not None
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert tracked.info.run_name == "tracked"
    assert tracked.info.status == "FINISHED"
    assert tracked.data.params["training.lr"] == "0.003"
    assert tracked.data.params["tasks.angle.loss_fn"] == "smooth_l1"
    logged = {row["metric"]: float(row["value"]) for row in rows(run.metrics)}
    assert tracked.data.metrics["val_resolution_deg"] == logged["val_resolution_deg"]
    assert len(client.get_metric_history(tracked.info.run_id, "val_loss")) == 2
    files = {item.path for item in client.list_artifacts(tracked.info.run_id)}
    assert {"config.yaml", "metrics.csv", "predictions_angle_tracked.csv"} <= files
    assert (tmp_path / "mlartifacts").is_dir()


def test_a_server_that_does_not_answer_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    warnings: list[str] = []
    # Nothing listens on the port "discard".
    config = MlflowConfig(tracking_uri="http://127.0.0.1:9")
    tracker = MlflowTracker(config, "run", None, warnings.append)
    tracker.start({"a": 1})
    tracker.log({"loss": 1.0}, epoch=1, step=1)
    tracker.add_files([Path("a.txt")])
    tracker.finish("FINISHED")
    (warning,) = warnings
    assert warning.startswith("MLflow at http://127.0.0.1:9 does not work, the run goes on without it: ")
    assert tracker.run_id is None


def test_a_server_that_dies_later_is_one_warning(tmp_path: Path) -> None:
    class Dying:
        def log_batch(self, *_: object, **__: object) -> None:
            raise ConnectionError("gone\nfor good")

    warnings: list[str] = []
    tracker = MlflowTracker(
        MlflowConfig(tracking_uri=f"sqlite:///{tmp_path}/x.db"), "run", "1", warnings.append
    )
    tracker._client = Dying()
    for step in range(3):
        tracker.log({"loss": 1.0}, epoch=1, step=step)
    assert len(warnings) == 1
    assert warnings[0].endswith("gone")


def test_telemetry_is_off_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    config = MlflowConfig(tracking_uri="http://127.0.0.1:9")
    for before, after in ((None, "true"), ("false", "false")):
        if before is None:
            monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
        else:
            monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", before)
        MlflowTracker(config, "run", None, lambda _: None).start({})
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == after
