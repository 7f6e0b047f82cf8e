"""The trackers of a configuration, started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.tracking.base import Tracker, Trackers
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
    tags: Mapping[str, str | None],
    on_run: Callable[[str], None],
    warn: Callable[[str], None],
) -> tuple[Trackers, MlflowTracker | None]:
    """Start metrics.csv, and MLflow and TensorBoard if they are enabled.

    Parameters
    ----------
    config
        The configuration.
    run
        The run directory, with its config.yaml.
    step
        Step of the optimizer at which the run resumes; 0 for a new one.
    run_id
        The MLflow run that the checkpoint names.
    data
        The files that are read; data_files.csv is written from them.
    tags
        Tags of the MLflow run, such as the commit of the code.
    on_run
        Called with the id of the MLflow run, from another thread.
    warn
        Called with warnings.

    Returns
    -------
    Trackers, MlflowTracker or None
        All trackers as one, and that of MLflow.
    """
    write_data_files(run.data_files, data)
    trackers: list[Tracker] = [MetricsFile(run.metrics, step)]
    mlflow = None
    if config.mlflow.enabled:
        uri, ids = tracking_uri(config.mlflow), RunIds(run.mlflow_runs)

        def remember(new_id: str) -> None:
            ids.remember(uri, new_id)
            on_run(new_id)

        if not config.checkpoint.new_mlflow_run:
            # A run that was killed before its first checkpoint is known from here alone.
            run_id = ids.get(uri) or run_id
        mlflow = MlflowTracker(
            config.mlflow,
            run.path,
            run_id,
            warn,
            on_run=remember,
            tags=tags,
        )
        trackers.append(mlflow)
    if config.tensorboard.enabled:
        trackers.append(TensorboardTracker(run.tensorboard, step, warn))
    all_trackers = Trackers(trackers)
    all_trackers.start(flatten(config.model_dump(mode="json")), data)
    all_trackers.add_files([run.config, run.data_files])
    return all_trackers, mlflow
