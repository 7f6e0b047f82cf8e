"""A page about a run on the servers that have the run."""

from __future__ import annotations

import json
from pathlib import Path

from mlflow import MlflowClient

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.tracking.mlflow_run import MlflowRun
from xec_train.tracking.page import send_page
from xec_train.tracking.run_ids import RunIds


def test_a_page_becomes_an_artifact(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunDirectory(tmp_path / "night")
    run.path.mkdir()
    run.config.write_text("{}\n")
    page = run.path / "report.html"
    page.write_text("<p>all of it</p>")
    assert send_page(run.path, page) == []
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    logged = MlflowRun(uri, "xec", "night")
    logged.open({}, {})
    RunIds(run.mlflow_runs).remember(uri, logged.run_id)
    gone = f"sqlite:///{tmp_path / 'page.txt' / 'mlflow.db'}"
    (tmp_path / "page.txt").touch()
    run.mlflow_runs.write_text(json.dumps({**json.loads(run.mlflow_runs.read_text()), gone: "1234"}))
    told = send_page(run.path, page)
    assert told[0].startswith("report.html is an artifact of the MLflow run; mlflow ui")
    assert told[1].startswith(f"MLflow at {gone} does not take report.html: ")
    assert "\n" not in told[1]
    path = MlflowClient(tracking_uri=uri).download_artifacts(logged.run_id, "report.html", str(tmp_path))
    assert Path(path).read_text() == "<p>all of it</p>"
