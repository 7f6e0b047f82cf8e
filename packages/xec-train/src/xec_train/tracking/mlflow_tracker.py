"""MLflow: parameters, metrics and files of a run, by default in an SQLite file of the working folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xec_train.config.sections import MlflowConfig

DEFAULT_DATABASE = "mlflow.db"
DEFAULT_ARTIFACTS = "mlartifacts"

# MLflow's own defaults would hold a training up for minutes when a server does not answer.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_CHATTY = ("alembic", "mlflow")
_PARAMETERS_AT_ONCE = 100


class MlflowTracker:
    """A run on an MLflow server. The first thing that fails ends the tracking with one warning.

    Parameters
    ----------
    config
        ``experiment`` and ``tracking_uri``.
    run_name
        Name of the run.
    run_id
        A run to continue, if the server still has it.
    warn
        Takes the warning.
    """

    def __init__(
        self, config: MlflowConfig, run_name: str, run_id: str | None, warn: Callable[[str], None]
    ) -> None:
        self.config = config
        self.run_name = run_name
        self.run_id = run_id
        self.uri = config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or default_uri()
        self._warn = warn
        self._client: Any = None

    def start(self, parameters: Mapping[str, Any]) -> None:
        """Create the experiment and the run, or continue one, and log the parameters."""
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)

        def begin() -> None:
            # Imported only now: it takes seconds.
            from mlflow import MlflowClient

            for name in _CHATTY:
                logging.getLogger(name).setLevel(logging.WARNING)
            self._client = MlflowClient(tracking_uri=self.uri)
            if not self._continue_run():
                self._create_run(parameters)

        self._attempt(begin)

    def log(self, metrics: Mapping[str, float], epoch: int, step: int) -> None:
        """Log numbers against the step; the epoch is a metric among them."""

        def send() -> None:
            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            values = {**metrics, "epoch": epoch}
            batch = [Metric(name, float(value), now, step) for name, value in values.items()]
            self._client.log_batch(self.run_id, metrics=batch)

        self._attempt(send)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Log files as artifacts; those in a folder `plots` go into one."""

        def send() -> None:
            for path in paths:
                folder = path.parent.name if path.parent.name == "plots" else None
                self._client.log_artifact(self.run_id, str(path), folder)

        self._attempt(send)

    def finish(self, status: str) -> None:
        """Set the state of the run."""
        self._attempt(lambda: self._client.set_terminated(self.run_id, status))

    def _attempt(self, action: Callable[[], None]) -> None:
        first = self._client is None
        if first and action.__name__ != "begin":
            return
        try:
            action()
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._warn(f"MLflow at {self.uri} does not work, the run goes on without it: {reason}")
            self._client, self.run_id = None, None

    def _continue_run(self) -> bool:
        if self.run_id is None:
            return False
        from mlflow.exceptions import MlflowException

        try:
            self._client.update_run(self.run_id, status="RUNNING")
        except MlflowException:
            self._warn(f"MLflow at {self.uri} does not have the run {self.run_id}: a new one is begun")
            return False
        return True

    def _create_run(self, parameters: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        experiment = self._client.get_experiment_by_name(self.config.experiment)
        if experiment is None:
            identity = self._client.create_experiment(
                self.config.experiment, artifact_location=self._artifacts()
            )
        else:
            identity = experiment.experiment_id
        self.run_id = self._client.create_run(identity, run_name=self.run_name).info.run_id
        pairs = [Param(name, str(value)) for name, value in parameters.items()]
        for start in range(0, len(pairs), _PARAMETERS_AT_ONCE):
            self._client.log_batch(self.run_id, params=pairs[start : start + _PARAMETERS_AT_ONCE])

    def _artifacts(self) -> str | None:
        """Beside an SQLite file; a server knows where it keeps its own."""
        if not self.uri.startswith("sqlite:///"):
            return None
        database = Path(self.uri.removeprefix("sqlite:///"))
        return (database.resolve().parent / DEFAULT_ARTIFACTS).as_uri()


def default_uri() -> str:
    """SQLite in the working folder."""
    return f"sqlite:///{DEFAULT_DATABASE}"
