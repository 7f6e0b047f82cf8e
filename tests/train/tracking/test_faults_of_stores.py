"""A training goes on whatever its tracking store does, tells it in one line, and loses no number."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.small_disk import in_namespace

from xec_geometry.cli.application import main
from xec_train.config.sections import MlflowConfig
from xec_train.errors import TrainError
from xec_train.tracking.base import Trackers
from xec_train.tracking.metrics_file import MetricsFile, read_metrics
from xec_train.tracking.mlflow_run import is_transient, reason_of
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.tracking.run_ids import tracking_uri

PATIENCE = 300.0  # only a bug takes so long

# What a training does with its trackers: a step for each line that it reads.
PROGRAM = """
import sys
from pathlib import Path
from xec_train.config.sections import MlflowConfig
from xec_train.tracking.base import Trackers
from xec_train.tracking.metrics_file import MetricsFile
from xec_train.tracking.mlflow_tracker import MlflowTracker

config = MlflowConfig(tracking_uri=sys.argv[1], wait_at_end=float(sys.argv[2]))
mlflow = MlflowTracker(
    config, Path("run"), None, lambda text: print("warning:", text, flush=True),
    on_run=lambda _: print("open", flush=True),
)
trackers = Trackers([MetricsFile(Path("metrics.csv")), mlflow])
trackers.start({"a": 1})
for step, _ in enumerate(sys.stdin):
    trackers.log({"loss": 1.0}, 1, step)
trackers.finish("FINISHED")
print("complete" if mlflow.complete else "incomplete", flush=True)
"""


class Training:
    """A process that logs a step on demand."""

    def __init__(self, command: list[str], folder: Path) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._metrics = folder / "metrics.csv"

    def step(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def says(self) -> str:
        """Its next line."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> tuple[list[str], int]:
        """The lines that were not read yet, and the number of rows of metrics.csv."""
        output, errors = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        assert errors == ""
        return output.splitlines(), len(read_metrics(self._metrics))


def program(uri: str, wait_at_end: float = PATIENCE) -> list[str]:
    return [sys.executable, "-W", "ignore", "-c", PROGRAM, uri, str(wait_at_end)]


def test_a_database_that_is_locked_for_a_while(tmp_path: Path) -> None:
    # How long SQLite itself waits for the lock, in seconds.
    training = Training(program("sqlite:///mlflow.db?timeout=0.1"), tmp_path)
    assert training.says() == "open"
    database = sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None, timeout=PATIENCE)
    database.execute("BEGIN EXCLUSIVE")
    training.step()
    warning = training.says()
    assert warning.startswith("warning: MLflow at sqlite:///mlflow.db?timeout=0.1 does not accept the run: ")
    assert "database is locked; the training continues without it; 'xec track upload run' sends" in warning
    training.step()
    database.execute("COMMIT")
    assert training.end() == (["complete"], 2)
    stored = database.execute("SELECT step FROM metrics WHERE key = 'loss' ORDER BY step").fetchall()
    database.close()
    assert stored == [(0,), (1,)]


def test_a_database_on_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    command = program("sqlite:///store/mlflow.db")
    mount = "mount -t tmpfs -o size=64k tmpfs store"
    training = Training(in_namespace(command, prepared_by=mount), tmp_path)
    training.step()
    warning = training.says()
    assert "does not accept the run: database or disk is full; the training continues without it" in warning
    training.step()
    assert training.end() == (["incomplete"], 2)


class FailingServer(ThreadingHTTPServer):
    """As much of MLflow's interface as a run needs, until it is down."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.logged, self.refused = threading.Event(), threading.Event()
        self.is_down = False


class Answers(BaseHTTPRequestHandler):
    server: FailingServer

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.is_down:
            # For as long as nobody wants to wait.
            self._send(503, {}, {"Retry-After": "86400"})
            self.server.refused.set()
            return
        name = self.path.partition("?")[0].rpartition("mlflow/")[2]
        info = {"run_id": "1", "run_uuid": "1", "experiment_id": "1", "status": "RUNNING"}
        experiment = {"experiment_id": "1", "name": "xec", "lifecycle_stage": "active"}
        content = {
            "experiments/get-by-name": {"experiment": experiment},
            "runs/create": {"run": {"info": info}},
        }
        self._send(200, content.get(name, {}))
        if name == "runs/log-batch":
            self.server.logged.set()

    do_GET = do_POST = _answer  # noqa: N815

    def _send(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def failing_server() -> Iterator[FailingServer]:
    with FailingServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# MLflow uses what its libraries deprecate.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_that_goes_down_and_asks_for_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    warnings: list[str] = []
    with failing_server() as server:
        uri = f"http://127.0.0.1:{server.server_port}"
        mlflow = MlflowTracker(
            MlflowConfig(tracking_uri=uri, wait_at_end=PATIENCE), tmp_path, None, warnings.append
        )
        trackers = Trackers([MetricsFile(tmp_path / "metrics.csv"), mlflow])
        trackers.start({"a": 1})
        trackers.log({"loss": 1.0}, epoch=1, step=1)
        assert server.logged.wait(PATIENCE), warnings
        server.is_down = True
        trackers.log({"loss": 1.0}, epoch=1, step=2)
        assert server.refused.wait(PATIENCE)
        trackers.finish("FINISHED")
    assert not mlflow.complete
    (warning,) = warnings
    assert f"{uri} does not accept the run: too many 503 error responses; the training continues" in warning
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.csv")] == ["1", "2"]


def test_what_a_file_system_refuses_keeps_nothing_else_waiting() -> None:
    """A server may name a folder for files that exists on its own machine only."""
    from sqlalchemy.exc import OperationalError

    refused = PermissionError(13, "Permission denied", "/mlruns")
    assert not is_transient(refused)
    assert reason_of(refused) == "/mlruns: Permission denied"
    assert is_transient(OSError(28, "No space left on device"))
    assert is_transient(ConnectionResetError(104, "Connection reset by peer"))
    locked = OperationalError("SELECT 1", (), sqlite3.OperationalError("database is locked"))
    assert is_transient(locked)
    assert reason_of(locked) == "database is locked"


NO_ADDRESSES = {
    "http://[": "Invalid IPv6 URL",
    "htpp://host:5000": r"unknown scheme 'htpp' \(did you mean 'http'",
    "localhost:5000": "it names no scheme; expected http://HOST:PORT",
    "127.0.0.1:5000": "it names no scheme; expected http://HOST:PORT",
    "http://": "it names no host",
    "http://me:secret/@host": "it names no host, or a port that is none",
}


@pytest.mark.parametrize(("uri", "reason"), NO_ADDRESSES.items())
def test_what_is_no_address_is_told_before_the_training(
    uri: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrainError, match=rf"\$MLFLOW_TRACKING_URI: no address: {reason}") as caught:
        tracking_uri(MlflowConfig())
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match=f"no address: {reason}"):
        MlflowConfig(tracking_uri=uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://host:5000",
        "https://me:secret@host/path",
        "sqlite:////data/a b#.db",
        "mysql+pymysql://me:x@host/db",
        "databricks",
        "mlruns",
        "/data/mlruns",
        "file:///data",
        "C:\\mlruns",
    ],
)
def test_addresses_of_every_store(uri: str) -> None:
    assert MlflowConfig(tracking_uri=uri).tracking_uri == uri


def test_an_upload_to_no_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,step,metric,value,timestamp\n")
    (tmp_path / "config.yaml").write_text("mlflow: {experiment: xec}\n")
    with pytest.raises(SystemExit) as ended:
        main(["track", "upload", str(tmp_path), "--tracking-uri", "localhost:5000"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("xec: error: --tracking-uri: no address: it names no scheme;")
