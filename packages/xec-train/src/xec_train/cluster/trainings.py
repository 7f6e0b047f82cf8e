"""A training as a job: its configuration as it was when it was submitted, under a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from xec_data import find_files
from xec_geometry.errors import XecError
from xec_geometry.support.output import atomic_output
from xec_train.cluster.errors import ClusterError
from xec_train.cluster.job_folder import DEFAULT_FOLDER, JobFolder
from xec_train.cluster.profile import ClusterFile, Profile
from xec_train.cluster.submission import Submission
from xec_train.cluster.work import TrainingWork
from xec_train.config.loading import LoadedConfig, load_command_line
from xec_train.config.template import resolved
from xec_train.config.train_config import TrainConfig
from xec_train.runs.names import choose_run


def load_named(words: Sequence[str], name: str | None, folder: Path = DEFAULT_FOLDER) -> LoadedConfig:
    """Read a configuration, and give its run a name.

    Parameters
    ----------
    words
        A command line of ``xec train``.
    name
        Name of the run; None: that of the configuration, or the time.
    folder
        Folder of the folders of all jobs.

    Raises
    ------
    ConfigError, ClusterError, TrainError
        If the configuration is not valid, the name is not clear or that of another run.
    """
    named = [*words, f"mlflow.run_name={name}"] if name is not None else list(words)
    loaded = load_command_line(named)
    config = loaded.config
    if config.mlflow.run_name is None:
        if config.checkpoint.resume_from is not None:
            raise ClusterError(
                f"checkpoint.resume_from is {config.checkpoint.resume_from}; expected --name, that of the "
                "run that goes on or a new one"
            )
        config = _with_name(config, _free_name(Path(config.checkpoint.save_dir), folder))
    if config.checkpoint.resume_from is None:
        choose_run(config, None)
    return LoadedConfig(config, loaded.notes)


def training_submission(
    config: TrainConfig, profile: Profile, file: ClusterFile, folder: Path = DEFAULT_FOLDER
) -> Submission:
    """Make a training ready to be submitted; its run has a name.

    Parameters
    ----------
    config
        Its configuration.
    profile
        Its resources.
    file
        The environments of the nodes.
    folder
        Folder of the folders of all jobs.
    """
    name = config.mlflow.run_name
    assert name is not None
    run = Path(config.checkpoint.save_dir) / name
    work = TrainingWork((str(JobFolder(folder / name).config),), profile.restarts, str(run))
    return Submission(name, "training", (work,), profile, file, output=str(run), folder=folder)


def write_config(submission: Submission, config: TrainConfig) -> None:
    """Keep the configuration as it is now, for the time at which the job starts."""
    folder = submission.job_folder
    folder.create()
    with atomic_output(folder.config) as temporary:
        temporary.write_text(resolved(config), encoding="utf-8")


def missing_files(config: TrainConfig) -> list[str]:
    """Say in a line each which event files are not there: a job may see others, but waits before it tells."""
    found = []
    for key, paths in (("train_path", config.data.train_path), ("val_path", config.data.val_path)):
        try:
            find_files(list(paths))
        except XecError as error:
            found.append(f"data.{key}: {error}, seen from here; the job needs it on its node")
    return found


def _with_name(config: TrainConfig, name: str) -> TrainConfig:
    return config.model_copy(update={"mlflow": config.mlflow.model_copy(update={"run_name": name})})


def _free_name(*folders: Path) -> str:
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    free, number = name, 2
    while any((folder / free).exists() for folder in folders):
        free, number = f"{name}-{number}", number + 1
    return free
