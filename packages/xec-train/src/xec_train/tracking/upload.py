"""Upload of a run directory to a tracking server after its training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import MlflowConfig
from xec_train.errors import TrainError
from xec_train.tracking.data_files import read_data_files
from xec_train.tracking.metrics_file import read_metrics
from xec_train.tracking.mlflow_run import MlflowRun, Point, reason_of
from xec_train.tracking.run_ids import RunIds, checked_uri, tracking_uri, viewing_hint, without_password

if TYPE_CHECKING:
    from xec_models.checkpoint.content import Checkpoint

# Files to resume from, not to view.
_NOT_SENT = (".pth",)


def upload_run(path: Path, uri: str | None, report: Callable[[str], None]) -> str:
    """Send the missing parts of a run to a server: parameters, numbers, inputs, files, its state.

    Parameters
    ----------
    path
        The run directory.
    uri
        The server; None: that of the run's configuration or of the environment.
    report
        Called with lines for the user.

    Returns
    -------
    str
        Id of the run on the server.

    Raises
    ------
    RunDirectoryError
        If there is no such run directory.
    TrainError
        If nothing was logged, or the server does not accept it.
    """
    run = RunDirectory.open(path)
    if not run.metrics.is_file():
        raise TrainError(f"{path} holds no {run.metrics.name}, expected the numbers that 'xec train' logged")
    points = list(_points(read_metrics(run.metrics)))
    config = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    section = MlflowConfig.model_validate({**config["mlflow"], **_given(uri)})
    uri = tracking_uri(section)
    name = run.path.resolve().name
    checkpoint = _last_checkpoint(run)
    ids = RunIds(run.mlflow_runs)
    origin = None if checkpoint is None else checkpoint.provenance
    known = ids.get(uri) or (None if origin is None else origin.mlflow_run_id)
    remote = MlflowRun(uri, section.experiment, name, known)
    files, data = list(_files(run)), read_data_files(run.data_files)
    times = [point.time for point in points]
    try:
        remote.open(
            flatten(config),
            {"mlflow.source.git.commit": None if origin is None else origin.git_revision},
            min(times, default=None),
        )
        assert remote.run_id is not None
        ids.remember(uri, remote.run_id)
        sent = remote.log(points)
        remote.add_data(data)
        remote.add_files(files)
        epochs = 0 if checkpoint is None else checkpoint.epoch or 0
        done = epochs >= config["training"]["epochs"]
        remote.finish("FINISHED" if done else "KILLED", max(times, default=None))
    except Exception as error:
        raise TrainError(
            f"MLflow at {without_password(uri)} does not accept {path}: {reason_of(error)}"
        ) from error
    report(
        f"{'completed' if remote.continued else 'new'} run '{name}' in the experiment "
        f"'{section.experiment}': "
        f"{sent} values, {len(data)} data files, {len(files)} files"
    )
    if sent < len(points):
        report(f"  {len(points) - sent} values were there already")
    report(f"  {viewing_hint(uri)}")
    return remote.run_id


def _given(uri: str | None) -> dict[str, str]:
    return {"tracking_uri": checked_uri(uri, "--tracking-uri")} if uri else {}


def _points(rows: list[dict[str, str]]) -> Iterator[Point]:
    """Yield rows as a training sends them, with the epoch as one more metric of each call."""
    before = None
    for row in rows:
        moment = int(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
        step = int(row["step"])
        if (call := (row["epoch"], step, moment)) != before:
            yield Point("epoch", float(row["epoch"]), step, moment)
            before = call
        yield Point(row["metric"], float(row["value"]), step, moment)


def _last_checkpoint(run: RunDirectory) -> Checkpoint | None:
    if not run.checkpoint_last.is_file():
        return None
    # Torch takes seconds to import: errors of the user come first.
    from xec_models.checkpoint.reading import read_checkpoint

    return read_checkpoint(run.checkpoint_last)


def _files(run: RunDirectory) -> Iterator[Path]:
    for path in sorted(run.path.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(run.path).parts)
        elsewhere = path == run.mlflow_runs or run.tensorboard in path.parents
        if path.is_file() and path.suffix not in _NOT_SENT and not hidden and not elsewhere:
            yield path
