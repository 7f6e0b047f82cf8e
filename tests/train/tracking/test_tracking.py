"""metrics.csv and MLflow: what a run leaves there, and a server that does not answer."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.checkpoint_files import read_checkpoint

from xec_data.reading.file_digest import header_digest
from xec_geometry.support.flattening import flatten
from xec_geometry.support.revision import git_revision
from xec_train.config.sections import MlflowConfig
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.runs.training import train
from xec_train.tracking.data_files import DataFile, changed_files
from xec_train.tracking.metrics_file import COLUMNS, MetricsFile, read_metrics
from xec_train.tracking.mlflow_tracker import MlflowTracker

Configure = Callable[..., TrainConfig]
MODULE = sys.modules[train.__module__].__file__
N_TRAINING, N_VALIDATION = 64, 24  # of the fixture `event_files`


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


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
    configure: Configure, event_files: tuple[Path, Path], tmp_path: Path
) -> None:
    changes = (
        "mlflow.enabled=true",
        "mlflow.run_name=tracked",
        "mlflow.experiment=angles",
        "mlflow.wait_at_end=300",
    )
    run = train(configure(*changes, "training.epochs=1"))
    resumed = train(configure(*changes, "training.epochs=2", f"checkpoint.resume_from={run.checkpoint_last}"))
    assert resumed.path == run.path

    from mlflow import MlflowClient
    from mlflow.data.dataset_source_registry import get_dataset_source_from_json

    def resolve_source(data: Any) -> Any:
        return get_dataset_source_from_json(data.source, data.source_type)

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
    assert {"config.yaml", "metrics.csv", "data_files.csv", "predictions_angle_tracked.csv"} <= files
    assert (tmp_path / "mlartifacts").is_dir()
    assert tracked.data.tags["mlflow.source.git.commit"] == git_revision(str(MODULE))
    assert read_checkpoint(run.checkpoint_last)["mlflow_run_id"] == tracked.info.run_id

    inputs = {item.tags[0].value: item.dataset for item in tracked.inputs.dataset_inputs}
    assert list(inputs) == ["training", "validation"]
    for path, data, n in zip(event_files, inputs.values(), (N_TRAINING, N_VALIDATION), strict=True):
        assert data.name == path.name
        assert data.digest == header_digest(path)
        assert json.loads(data.profile)["num_rows"] == n
        assert resolve_source(data).uri == str(path)


def test_a_value_outlives_the_process_that_logged_it(tmp_path: Path) -> None:
    """SIGKILL leaves no time to flush anything; half a line, as a kill within a write leaves, is skipped."""
    path = tmp_path / "metrics.csv"
    program = (
        "import os, pathlib, signal, sys\n"
        "from xec_train.tracking.metrics_file import MetricsFile\n"
        "file = MetricsFile(pathlib.Path(sys.argv[1]))\n"
        "file.start({})\n"
        "file.log({'a': 1.5}, 1, 1)\n"
        "file.log({'a': 2.5}, 1, 2)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [row["value"] for row in rows(path)] == ["1.5", "2.5"]
    with path.open("a") as file:
        file.write("1,3,a,3.")
    MetricsFile(path, resumed_step=3).start({})
    assert [row["step"] for row in rows(path)] == ["1", "2"]


def test_a_server_that_is_not_there_is_one_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    # Nothing listens on the port "discard".
    config = MlflowConfig(tracking_uri="http://user:secret@127.0.0.1:9")
    tracker = MlflowTracker(config, tmp_path / "run", None, warnings.append)
    tracker.start({"a": 1})
    for step in range(100):
        tracker.log({"loss": 1.0}, epoch=1, step=step)
    tracker.add_files([Path("a.txt")])
    tracker.finish("FINISHED")
    assert not tracker.complete
    (warning,) = warnings
    assert warning == (
        "MLflow at http://127.0.0.1:9 does not accept the run: Connection refused; the training continues "
        f"without it; 'xec track upload {tmp_path / 'run'}' sends the rest later"
    )
    assert tracker.next_step().startswith(f"xec track upload {tmp_path / 'run'} ")


class Silent:
    """A server that takes connections and never says a word."""

    def __enter__(self) -> Silent:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        self.asked = threading.Event()
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(connection)
            self.asked.set()

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        for connection in self._taken:
            connection.close()


def test_a_server_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    warnings: list[str] = []
    with Silent() as server:
        config = MlflowConfig(tracking_uri=server.uri, wait_at_end=0.1)
        tracker = MlflowTracker(config, tmp_path / "run", None, warnings.append, limit=30)
        tracker.start({"a": 1})
        assert server.asked.wait(60)
        # The first call hangs; whatever comes now is put aside, and the queue has an end.
        for step in range(100):
            tracker.log({"loss": 1.0}, epoch=1, step=step)
        assert tracker.waiting == 30
        tracker.finish("FINISHED")
    assert not tracker.complete
    (warning,) = warnings
    assert "it is slow, 30 calls wait for it; the training continues" in warning


def test_a_training_without_its_server_is_a_training(configure: Configure) -> None:
    text = io.StringIO()
    with Silent() as server:
        run = train(
            configure(
                "mlflow.enabled=true",
                f"mlflow.tracking_uri={server.uri}",
                "mlflow.wait_at_end=0.1",
                "mlflow.run_name=alone",
            ),
            display=Display(Console(file=text)),
        )
    assert {row["epoch"] for row in rows(run.metrics)} == {"0", "1", "2"}
    assert run.validation_results.is_file()
    lines = [line for line in text.getvalue().splitlines() if "MLflow" in line]
    warning, last = lines
    assert warning.startswith(
        f"warning: MLflow at {server.uri} does not accept the run: no answer within 0.1 s"
    )
    assert last == "  xec track upload artifacts/alone     sends what MLflow lacks"


def test_long_values_are_cut() -> None:
    from xec_train.tracking.mlflow_run import LONGEST_PARAMETER, parameter_text

    assert parameter_text(0.003) == "0.003"
    assert parameter_text("x" * LONGEST_PARAMETER) == "x" * LONGEST_PARAMETER
    long = parameter_text(["file.root"] * 1000)
    assert len(long) == LONGEST_PARAMETER
    assert long.startswith("['file.root', 'file.root'")
    assert long.endswith("… (13000 characters, see config.yaml)")


def test_reasons_are_short_and_tell_no_password() -> None:
    from xec_train.tracking.mlflow_run import reason_of

    text = 'API request to http://a:b@h/x failed (Caused by New("HTTP: [Errno 111] Connection refused"))'
    assert reason_of(OSError(text)) == "Connection refused"
    assert reason_of(OSError("no http://a:b@h/x\nmore")) == "no http://h/x"
    assert reason_of(KeyError()) == "KeyError"


def test_telemetry_is_off_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = MlflowConfig(tracking_uri="http://127.0.0.1:9")
    for before, after in ((None, "true"), ("false", "false")):
        if before is None:
            monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
        else:
            monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", before)
        tracker = MlflowTracker(config, tmp_path, None, lambda _: None)
        tracker.start({})
        tracker.finish("FAILED")
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == after


def test_files_that_have_changed_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.root", "b.root", "c.root")]
    for path in paths:
        path.write_bytes(b"root" + bytes(100))
    files = [DataFile("training", str(path), "tree", 5, 5, 104, header_digest(path)) for path in paths]
    assert changed_files(files) == []
    paths[1].write_bytes(b"root" + bytes(99) + b"x")
    paths[2].unlink()
    assert changed_files(files) == [
        f"{paths[1]} is another file than when this training began to read it",
        f"{paths[2]} can no longer be read: No such file or directory",
    ]


def test_an_epoch_that_was_told_but_not_kept_is_not_told_twice(tmp_path: Path) -> None:
    """A training was killed after it had validated, before its checkpoint: both are of the same step."""
    path = tmp_path / "metrics.csv"
    first = MetricsFile(path)
    first.start({})
    first.log({"train_loss_so_far": 2.0}, 1, 10)
    first.log({"val_loss": 3.0}, 1, 10)
    again = MetricsFile(path, resumed_step=10)
    again.start({})
    again.log({"val_loss": 3.0, "lr": 0.1}, 1, 10)
    again.log({"val_loss": 2.5}, 2, 20)
    rows = [(row["epoch"], row["step"], row["metric"]) for row in read_metrics(path)]
    assert rows == [
        ("1", "10", "train_loss_so_far"),
        ("1", "10", "val_loss"),
        ("1", "10", "lr"),
        ("2", "20", "val_loss"),
    ]
