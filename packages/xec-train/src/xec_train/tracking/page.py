"""A page about a run among its artifacts on MLflow servers."""

from __future__ import annotations

from pathlib import Path

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import MlflowConfig
from xec_train.tracking.mlflow_run import import_mlflow, reason_of
from xec_train.tracking.run_ids import RunIds, server_name, tracking_uri, viewing_hint


def send_page(run_dir: Path, page: Path) -> list[str]:
    """Add a page to the artifacts of a run on every server that has the run.

    Parameters
    ----------
    run_dir
        The run directory.
    page
        The file.

    Returns
    -------
    list of str
        A line for every server, also one that did not take it; none for a run that was not logged.
    """
    run = RunDirectory.open(run_dir)
    ids = RunIds(run.mlflow_runs).all()
    if not ids:
        return []
    section = run.read_config().get("mlflow") or {}
    own = tracking_uri(MlflowConfig(tracking_uri=section.get("tracking_uri")))
    import_mlflow()
    from mlflow import MlflowClient

    lines = []
    for server, run_id in ids.items():
        # A password stands in the configuration or the environment only.
        uri = own if server_name(own) == server else server
        try:
            MlflowClient(tracking_uri=uri).log_artifact(run_id, str(page))
        # The page is written, and stays: whatever a server or its store raises is told.
        except Exception as error:
            lines.append(f"MLflow at {server} does not take {page.name}: {reason_of(error)}")
        else:
            lines.append(f"{page.name} is an artifact of the MLflow run; {viewing_hint(server)}")
    return lines
