"""A study as a run of MLflow, with the runs of its trials below it. Nothing here stops a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xec_geometry.support.flattening import flatten
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.train_config import TrainConfig
from xec_train.scan.folder import StudyFolder
from xec_train.tracking.mlflow_run import MlflowRun, reason_of
from xec_train.tracking.run_ids import RunIds, tracking_uri, without_password

PARENT = "mlflow.parentRunId"
"""Tag that MLflow's pages read."""

STATE, VALUE, STUDY, TRIAL = "xec.trial.state", "xec.trial.value", "xec.study", "xec.trial"


def begin_study(
    folder: StudyFolder, config: TrainConfig, space: Mapping[str, Any], warn: Callable[[str], None]
) -> None:
    """Begin the run of a study, or go on with it. To be called under the lock of the folder."""
    if not config.mlflow.enabled:
        return
    run = _run(folder, config)
    parameters = {f"scan.{key}": value for key, value in flatten(space).items()}
    try:
        run.open({**parameters, **flatten(config.model_dump(mode="json", exclude_unset=True))}, {})
        assert run.run_id is not None
        RunIds(folder.mlflow_runs).remember(tracking_uri(config.mlflow), run.run_id)
    except Exception as error:
        warn(f"MLflow at {_server(config)} does not accept the study: {reason_of(error)}; it goes on without")


def end_study(
    folder: StudyFolder,
    config: TrainConfig,
    status: str,
    files: Sequence[Path],
    best: Mapping[str, Any],
    warn: Callable[[str], None],
) -> None:
    """Complete the run of a study: its files, what is best, ``FINISHED`` or ``KILLED`` (to be continued)."""
    if not config.mlflow.enabled or study_id(folder, config) is None:
        return
    run = _run(folder, config)
    try:
        run.open({}, {f"xec.best.{key}": str(value) for key, value in best.items()})
        run.add_files(files)
        run.finish(status)
    except Exception as error:
        warn(f"MLflow at {_server(config)} does not accept the results of the study: {reason_of(error)}")


def study_id(folder: StudyFolder, config: TrainConfig) -> str | None:
    """Return the id of the study's run; None if there is none."""
    return RunIds(folder.mlflow_runs).get(tracking_uri(config.mlflow)) if config.mlflow.enabled else None


def tag_trial(run: RunDirectory, config: TrainConfig, status: str, tags: Mapping[str, str]) -> None:
    """Say in the MLflow run of a trial how the trial ended."""
    if not config.mlflow.enabled:
        return
    uri = tracking_uri(config.mlflow)
    known = RunIds(run.mlflow_runs).get(uri)
    if known is None:
        return
    remote = MlflowRun(uri, config.mlflow.experiment, run.name, known)
    try:
        remote.open({}, tags)
        remote.finish(status)
    except Exception:
        # The training has told that the server does not answer.
        return


def _run(folder: StudyFolder, config: TrainConfig) -> MlflowRun:
    return MlflowRun(
        tracking_uri(config.mlflow), config.mlflow.experiment, folder.name, study_id(folder, config)
    )


def _server(config: TrainConfig) -> str:
    return without_password(tracking_uri(config.mlflow))
