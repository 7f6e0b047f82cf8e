"""A run on an MLflow server. Every call waits for the server and may raise."""

from __future__ import annotations

import errno
import getpass
import json
import logging
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from xec_geometry.support.text import first_line
from xec_train.tracking.data_files import DataFile
from xec_train.tracking.new_database import create_database
from xec_train.tracking.run_ids import absolute

# MLflow's own defaults would wait for minutes for a server that does not answer (for as long as the server
# likes, if it asks for patience), and print addresses of runs with the password in them. Who wants a second
# attempt makes it, after having told about the first.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# What they know of errors, tracebacks included, is raised too, and told once.
_SILENCED_LOGGERS = ("alembic", "mlflow")

# Limits of one request.
_PARAMETERS_AT_ONCE, _METRICS_AT_ONCE, _DATA_FILES_AT_ONCE = 100, 500, 100

LONGEST_PARAMETER = 500
"""Length of a value that every version of the server accepts."""

_SERVERS_INFINITY = 1.7976931348623157e308
_SERVERS_FAULT, _TOO_MANY_REQUESTS = 500, 429  # of HTTP; from 500 on the request is not at fault

DEFAULT_ARTIFACTS = "mlartifacts"

# The essential parts of long errors of connections and databases.
_REASONS = (
    r"\[Errno -?\d+\] ([^\"')]+)",
    r"([Rr]ead timed out[^\"')]*\)?)",
    r"(Connection aborted)",
    r"(too many \d+ error responses)",
    r"^\(sqlite3\.\w+\) (.+)",
)

# The name that PEP 249 gives to failures of a database; SQLAlchemy, which MLflow uses, keeps it.
_DATABASE_ERROR = "OperationalError"

# What a file system refuses, it refuses again: nothing else may wait for it.
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)

T = TypeVar("T")


class Point(NamedTuple):
    """A value of a metric at a step, with the time in milliseconds since 1970."""

    name: str
    value: float
    step: int
    time: int


def import_mlflow() -> None:
    """Import MLflow, which takes seconds.

    Called in the thread of the training: reading processes are forked from it, and a fork in the middle of an
    import would leave them with a lock that is never released.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking

    assert mlflow.store.tracking.sqlalchemy_store
    for name in _SILENCED_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def is_transient(error: Exception) -> bool:
    """Return whether a retry may succeed: an error of the server, its database or the network."""
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        status = error.get_http_status_code()
        return bool(status >= _SERVERS_FAULT or status == _TOO_MANY_REQUESTS)
    if isinstance(error, OSError):
        return error.errno not in _REFUSALS
    # Of a database that is opened: it may be locked, or its disk full.
    return type(error).__name__ == _DATABASE_ERROR


def reason_of(error: Exception) -> str:
    """Return the reason of an error in a few words, without addresses (which may hold a password)."""
    if isinstance(error, OSError) and error.errno in errno.errorcode and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = first_line(error)
    for pattern in _REASONS:
        if found := re.search(pattern, text):
            return found.group(1)
    return re.sub(r"//[^/@\s]+@", "//", text)


class MlflowRun:
    """A run on a server.

    Parameters
    ----------
    uri
        Tracking server.
    experiment
        Name of the experiment, which is created if there is none.
    name
        Name of the run.
    run_id
        A run to continue, if the server has it.

    Attributes
    ----------
    run_id
        The run, once `open` is done.
    experiment_id
        Its experiment.
    continued
        Whether the server had the run.
    """

    def __init__(self, uri: str, experiment: str, name: str, run_id: str | None = None) -> None:
        self.uri = absolute(uri)
        # MLflow keeps databases open by the name they were given first: an absolute one, except where the
        # name of the folder means something in an address. Quoted, MLflow and its database differ about it.
        self._address = uri if any(sign in str(Path.cwd()) for sign in "%?") else self.uri
        self.experiment, self.name, self.run_id = experiment, name, run_id
        self.experiment_id: str | None = None
        self.continued = False
        self._client: Any = None
        self._present: dict[str, set[tuple[int, str]]] = {}

    def open(
        self, parameters: Mapping[str, Any], tags: Mapping[str, str | None], started: int | None = None
    ) -> None:
        """Continue the run or make a new one, and add missing parameters and tags.

        Parameters
        ----------
        parameters
            The flattened configuration.
        tags
            Tags; those without a value are left out.
        started
            When a new run began, in milliseconds since 1970; None: now.
        """
        import_mlflow()
        from mlflow import MlflowClient
        from mlflow.entities import Param, RunTag

        create_database(self._address)
        self._client = MlflowClient(tracking_uri=self._address)
        present = self._continue()
        if present is None:
            self.run_id = None
            self.experiment_id = self._find_experiment()
            run = self._client.create_run(self.experiment_id, start_time=started, run_name=self.name)
            self.run_id, present = run.info.run_id, {}
        texts = {name: parameter_text(value) for name, value in parameters.items() if name not in present}
        for batch in _batches([Param(*pair) for pair in texts.items()], _PARAMETERS_AT_ONCE):
            self._client.log_batch(self.run_id, params=batch)
        values = {**_origin(), **tags}
        self._client.log_batch(
            self.run_id, tags=[RunTag(name, value) for name, value in values.items() if value is not None]
        )

    def log(self, points: Iterable[Point]) -> int:
        """Send values, except those that a continued run has already.

        Returns
        -------
        int
            Number of values that were sent.
        """
        from mlflow.entities import Metric

        new = [
            Metric(point.name, point.value, timestamp=point.time, step=point.step)
            for point in points
            if self._is_new(point)
        ]
        for batch in _batches(new, _METRICS_AT_ONCE):
            self._client.log_batch(self._id, metrics=batch)
        return len(new)

    def add_data(self, files: Sequence[DataFile]) -> None:
        """Name the files that are read as inputs of the run; what it has already stays as it is."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(
                    name=Path(file.path).name,
                    digest=file.digest,
                    source_type="local",
                    source=json.dumps({"uri": file.path}),
                    profile=json.dumps({"num_rows": file.entries, "kept": file.kept, "bytes": file.bytes}),
                ),
                tags=[InputTag("mlflow.data.context", file.use)],
            )
            for file in files
        ]
        for batch in _batches(inputs, _DATA_FILES_AT_ONCE):
            self._client.log_inputs(self._id, datasets=batch)

    def add_files(self, paths: Iterable[Path]) -> None:
        """Send files; those of a folder `plots` go into a folder of that name."""
        for path in paths:
            folder = path.parent.name if path.parent.name == "plots" else None
            self._client.log_artifact(self._id, str(path), folder)

    def finish(self, status: str, ended: int | None = None) -> None:
        """Set the state of the run: ``FINISHED``, ``FAILED`` or ``KILLED``."""
        self._client.set_terminated(self._id, status, ended)

    @property
    def _id(self) -> str:
        if self.run_id is None:
            raise ValueError("there is no run on the server")
        return self.run_id

    def _continue(self) -> dict[str, str] | None:
        """Return the parameters of the run; None if the server does not have it."""
        if self.run_id is None:
            return None
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(self.run_id)
        except MlflowException as error:
            if is_transient(error):
                raise
            return None
        if run.info.lifecycle_stage != "active":
            return None
        self._client.update_run(self.run_id, status="RUNNING")
        self.experiment_id, self.continued = run.info.experiment_id, True
        return dict(run.data.params)

    def _find_experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(self.experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(self.experiment, artifact_location=self._artifacts()))
        except MlflowException:
            # Another training has just created it; or else there is none, and the error is another one.
            experiment = self._client.get_experiment_by_name(self.experiment)
            if experiment is None:
                raise
            return str(experiment.experiment_id)

    def _artifacts(self) -> str | None:
        """Return the folder of artifacts beside an SQLite file; None: the server decides."""
        if not self.uri.startswith("sqlite:///"):
            return None
        database = Path(self.uri.removeprefix("sqlite:///"))
        return (database.parent / DEFAULT_ARTIFACTS).as_uri()

    def _is_new(self, point: Point) -> bool:
        if not self.continued:
            return True
        if point.name not in self._present:
            history = self._client.get_metric_history(self._id, point.name)
            self._present[point.name] = {(metric.step, _stored(metric.value)) for metric in history}
        return (point.step, _stored(point.value)) not in self._present[point.name]


def parameter_text(value: Any) -> str:
    """Format a value as a parameter of a run; a long one is cut off (config.yaml has all of it)."""
    text = str(value)
    if len(text) <= LONGEST_PARAMETER:
        return text
    end = f" … ({len(text)} characters, see config.yaml)"
    return text[: LONGEST_PARAMETER - len(end)] + end


def _stored(value: float) -> str:
    """Return a number as the server stores it, comparable also if it is NaN."""
    if math.isinf(value):
        value = math.copysign(_SERVERS_INFINITY, value)
    return repr(float(value))


def _origin() -> dict[str, str | None]:
    try:
        user: str | None = getpass.getuser()
    except (OSError, KeyError):
        user = None  # A container may run as a number without a name.
    return {"mlflow.user": user, "mlflow.source.name": Path(sys.argv[0]).name, "mlflow.source.type": "LOCAL"}


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
