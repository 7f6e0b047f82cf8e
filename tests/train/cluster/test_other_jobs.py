"""Predictions and notebooks on a real SLURM."""

from __future__ import annotations

import re
import shutil
import socket
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import uproot
from typer.testing import CliRunner, Result

from xec_geometry.cli.application import main
from xec_train.cluster.job_folder import DEFAULT_FOLDER, find_job
from xec_train.cluster.slurm import job_states
from xec_train.commands.submit import app
from xec_train.config.train_config import TrainConfig
from xec_train.runs.training import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_cluster")]


def xec_submit(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def predict_here(*words: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["predict", *words])
    assert not end.value.code


def test_predictions_of_many_files(
    configure: Callable[..., TrainConfig], event_files: tuple[Path, Path]
) -> None:
    run = train(configure("training.epochs=1", "mlflow.run_name=small"))
    folder = Path("events")
    folder.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(event_files[1], folder / f"{name}.root")
    words = [str(run.checkpoint_best), "events", "-o", "predictions", "--jobs", "2", "--batch", "7"]
    done = xec_submit("predict", *words, "--wait")
    _, record = find_job("predictions", DEFAULT_FOLDER)
    logs = "\n".join(path.read_text() for path in sorted(Path("jobs/predictions").glob("*log*")))
    assert done.exit_code == 0, (done.output, logs)
    assert f"job {record.job}_1: completed" in done.output
    assert "2 completed" in xec_submit("status").output
    predict_here(str(run.checkpoint_best), "events/a.root", "-o", "here.root", "--batch", "7")
    expected = uproot.open("here.root:tree").arrays(library="np")
    assert sorted(path.name for path in Path("predictions").iterdir()) == ["a.root", "b.root", "c.root"]
    for name in ("a", "b", "c"):
        found = uproot.open(f"predictions/{name}.root:tree").arrays(library="np")
        assert found["pred_theta"].tolist() == expected["pred_theta"].tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no.onnx", "events"), "no network 'no.onnx'"),
        (
            ("model.onnx", "events/a.root", "events/x/a.root"),
            "a.root would both become a.root; expected different",
        ),
        (("model.onnx", "events/a.root", "-o", "model.onnx"), "model.onnx is a file; expected a folder"),
        (("model.onnx", "nothing.root"), "no such file: nothing.root"),
    ],
)
def test_predictions_that_cannot_be(words: tuple[str, ...], message: str) -> None:
    Path("events/x").mkdir(parents=True)
    for path in (Path("model.onnx"), Path("events/a.root"), Path("events/x/a.root")):
        path.touch()
    done = xec_submit("predict", *words, *(() if "-o" in words else ("-o", "predictions")))
    assert message in str(done.exception)
    assert not DEFAULT_FOLDER.exists()


def test_a_notebook_is_reached_with_its_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Tests may run as root, which JupyterLab has to be told.
    (tmp_path / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true}}')
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = xec_submit("notebook", "--time", "10", "--port", str(port))
    job = find_job("notebook", DEFAULT_FOLDER)[1].job
    log = Path(f"jobs/notebook/{job}_0_log.err")
    assert done.exit_code == 0, (done.output, done.exception, log.read_text())
    tunnel = re.search(rf"ssh -N -L {port}:localhost:(\d+) -J \S+@\S+ \S+@localhost\n", done.output)
    address = re.search(rf"http://localhost:{port}/lab\?token=(\S+)\n", done.output)
    assert tunnel is not None
    assert address is not None
    # Its own port was taken: it has another one.
    assert int(tunnel[1]) != port
    there = f"http://127.0.0.1:{tunnel[1]}/api/contents"
    with urllib.request.urlopen(f"{there}?token={address[1]}") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(there)
    connection = Path("jobs/notebook/connection.json")
    assert stat.S_IMODE(connection.stat().st_mode) == 0o600
    assert address[1] not in Path(f"jobs/notebook/{job}_submission.sh").read_text()
    again = xec_submit("notebook")
    assert f"'notebook' is job {job} already (running)" in str(again.exception)
    assert xec_submit("cancel", "notebook").exit_code == 0
    end = time.monotonic() + 60
    while any(state.is_alive for state in job_states(job)):
        assert time.monotonic() < end
        time.sleep(0.2)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(there)


def test_a_notebook_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cluster_variables: dict[str, str]
) -> None:
    (tmp_path / "stand_in").mkdir()
    (tmp_path / "stand_in" / "jupyter.py").write_text("raise SystemExit('no such command: lab')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'stand_in'}:{cluster_variables['PYTHONPATH']}")
    done = xec_submit("notebook")
    assert "JupyterLab does not start; is it installed in this environment" in str(done.exception)
    assert re.search(r"\n  log: jobs/notebook/\d+_0_log.err$", str(done.exception))
