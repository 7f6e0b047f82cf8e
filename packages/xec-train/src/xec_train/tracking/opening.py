"""The destinations that a configuration asks for, begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.tracking.base import Tracker, Trackers, flatten
from xec_train.tracking.data_files import DataFile, write_data_files
from xec_train.tracking.metrics_file import MetricsFile
from xec_train.tracking.mlflow_tracker import MlflowTracker
from xec_train.tracking.run_ids import RunIds, tracking_uri
from xec_train.tracking.tensorboard_tracker import TensorboardTracker


def open_trackers(
    config: TrainConfig,
    run: RunDirectory,
    *,
    step: int,
    run_id: str | None,
    data: Sequence[DataFile],
    git_revision: str | None,
    begun: Callable[[str], None],
    warn: Callable[[str], None],
) -> tuple[Trackers, MlflowTracker | None]:
    """Begin metrics.csv, and MLflow and TensorBoard as far as they are enabled.

    Parameters
    ----------
    config
        The configuration.
    run
        The run directory, with its config.yaml.
    step
        Step of the optimizer at which the run goes on; 0 for a new one.
    run_id
        The MLflow run that the checkpoint names.
    data
        The files that are read; data_files.csv is written from them.
    git_revision
        Commit of the code.
    begun
        Told the id of the MLflow run, from another thread.
    warn
        Takes warnings.

    Returns
    -------
    Trackers, MlflowTracker or None
        All of them together, and the one for MLflow.
    """
    write_data_files(run.data_files, data)
    trackers: list[Tracker] = [MetricsFile(run.metrics, step)]
    mlflow = None
    if config.mlflow.enabled:
        uri, ids = tracking_uri(config.mlflow), RunIds(run.mlflow_runs)

        def remember(new_id: str) -> None:
            ids.remember(uri, new_id)
            begun(new_id)

        if not config.checkpoint.new_mlflow_run:
            # A run that was killed before its first checkpoint is known from here alone.
            run_id = ids.get(uri) or run_id
        mlflow = MlflowTracker(
            config.mlflow,
            run.path,
            run_id,
            warn,
            begun=remember,
            tags={"mlflow.source.git.commit": git_revision},
        )
        trackers.append(mlflow)
    if config.tensorboard.enabled:
        trackers.append(TensorboardTracker(run.tensorboard, step, warn))
    together = Trackers(trackers)
    together.start(flatten(config.model_dump(mode="json")), data)
    together.add_files([run.config, run.data_files])
    return together, mlflow
