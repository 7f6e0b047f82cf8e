"""The runs of an experiment on an MLflow server as run directories, also where these are elsewhere."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import make_folder
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import MlflowConfig
from xec_train.errors import TrainError
from xec_train.tracking.data_files import DataFile, write_data_files
from xec_train.tracking.metrics_file import MetricsFile
from xec_train.tracking.mlflow_run import import_mlflow, reason_of
from xec_train.tracking.run_ids import RunIds, absolute, checked_uri, tracking_uri, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_AT_ONCE = 1000
_EPOCH = "epoch"
# What a comparison reads of a run besides its numbers.
_FILES = ("config.yaml", "data_files.csv")
_RESULTS = ("predictions_", "validation_results_")
_SQLITE = "sqlite:///"


def fetch_experiment(name: str, uri: str | None, folder: Path) -> list[Path]:
    """Return a run directory for every training of an experiment, the earliest first.

    Parameters
    ----------
    name
        The experiment.
    uri
        The server; None: $MLFLOW_TRACKING_URI, else the database in the working folder.
    folder
        Where runs are written whose directories are not on this machine: their configuration and numbers,
        and predictions if the server has them.

    Raises
    ------
    TrainError
        If the server does not answer, or has no such experiment.
    """
    server = tracking_uri(MlflowConfig()) if uri is None else checked_uri(uri, "--tracking-uri")
    database = Path(absolute(server).removeprefix(_SQLITE))
    if server.startswith(_SQLITE) and not database.exists():
        raise TrainError(f"no database of MLflow: {database}; expected another --tracking-uri")
    import_mlflow()
    from mlflow import MlflowClient

    try:
        client = MlflowClient(tracking_uri=absolute(server))
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            known = [one.name for one in client.search_experiments()]
            raise TrainError(
                f"no experiment '{name}' on {without_password(server)}{did_you_mean(name, known)}; it has "
                f"{', '.join(known) or 'none'}"
            )
        return [
            path
            for run in _trainings(client, experiment.experiment_id)
            for path in _local(run, server)
            or [_written(client, run, make_folder(folder / run.info.run_id[:8]))]
        ]
    except TrainError:
        raise
    except Exception as error:
        raise TrainError(
            f"MLflow at {without_password(server)} does not give the experiment '{name}': {reason_of(error)}"
        ) from error


def _trainings(client: MlflowClient, experiment: str) -> Iterator[Run]:
    """Yield the runs that have numbers of epochs: a study of several trainings has none."""
    token = None
    while True:
        page = client.search_runs(
            [experiment], max_results=_AT_ONCE, order_by=["attributes.start_time"], page_token=token
        )
        yield from (run for run in page if _EPOCH in run.data.metrics)
        token = page.token
        if not token:
            return


def _local(run: Run, server: str) -> list[Path]:
    """Return the run directories on this machine that know the id of the run: several if one went on."""
    save_dir = Path(run.data.params.get("checkpoint.save_dir", "artifacts"))
    places = [Path()]
    if server.startswith(_SQLITE):
        places.append(Path(absolute(server).removeprefix(_SQLITE)).parent)
    found: dict[Path, Path] = {}
    for place in places:
        for path in sorted((place / save_dir).glob(f"*/{RunDirectory(Path()).mlflow_runs.name}")):
            if RunIds(path).get(server) == run.info.run_id and RunDirectory(path.parent).config.is_file():
                found.setdefault(path.parent.resolve(), path.parent)
    return list(found.values())


def _written(client: MlflowClient, run: Run, folder: Path) -> Path:
    directory = RunDirectory(make_folder(folder / Path(str(run.info.run_name)).name))
    for name in _artifacts(client, run.info.run_id):
        if name in _FILES or name.startswith(_RESULTS):
            client.download_artifacts(run.info.run_id, name, str(directory.path))
    if not directory.config.is_file():
        directory.config.write_text(yaml.safe_dump(_nested(run.data.params)), encoding="utf-8")
    if not directory.data_files.is_file():
        write_data_files(directory.data_files, list(_data_files(run)))
    _write_metrics(client, run, directory.metrics)
    return directory.path


def _artifacts(client: MlflowClient, run_id: str) -> list[str]:
    try:
        return [item.path for item in client.list_artifacts(run_id) if not item.is_dir]
    except Exception:
        # Numbers are in the database; files may be on a disk that is not here.
        return []


def _nested(parameters: dict[str, str]) -> dict[str, Any]:
    """Turn parameters, dotted keys with the text of their values, into sections."""
    sections: dict[str, Any] = {}
    for key, text in parameters.items():
        *parents, name = key.split(".")
        section = sections
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = _value(text)
    return sections


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _data_files(run: Run) -> Iterator[DataFile]:
    for item in run.inputs.dataset_inputs if run.inputs else ():
        profile = json.loads(item.dataset.profile or "{}")
        use = next((tag.value for tag in item.tags if tag.key == "mlflow.data.context"), "")
        path = json.loads(item.dataset.source or "{}").get("uri", item.dataset.name)
        entries, kept, size = (int(profile.get(name, 0)) for name in ("num_rows", "kept", "bytes"))
        yield DataFile(use, path, "", entries, kept, size, item.dataset.digest)


def _write_metrics(client: MlflowClient, run: Run, path: Path) -> None:
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    # Every call of a training sends its epoch along.
    epochs = {(point.step, point.timestamp): int(point.value) for point in histories[_EPOCH]}
    calls: dict[tuple[int, int], dict[str, float]] = {}
    for name, history in histories.items():
        for point in history if name != _EPOCH else ():
            calls.setdefault((point.timestamp, point.step), {})[name] = point.value
    file = MetricsFile(path)
    file.start({})
    for time, step in sorted(calls):
        if (step, time) in epochs:
            file.log(calls[time, step], epochs[step, time], step)
