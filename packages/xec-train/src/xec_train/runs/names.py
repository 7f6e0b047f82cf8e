"""Names and folders of runs: a new one for every training, the old one when it is continued."""

from __future__ import annotations

import os
import shlex
from datetime import datetime
from pathlib import Path

from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import AUTO
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError

_RESTARTS = "SLURM_RESTART_COUNT"


def choose_run(config: TrainConfig, checkpoint: Path | None, now: datetime | None = None) -> RunDirectory:
    """Decide on the run directory, without creating it.

    Parameters
    ----------
    config
        ``checkpoint.save_dir``, ``checkpoint.resume_from`` and ``mlflow.run_name``.
    checkpoint
        The checkpoint to continue from, if any.
    now
        Time that names a run without a name.

    Returns
    -------
    RunDirectory
        The run of the checkpoint if it is continued under its name, else a new one.

    Raises
    ------
    TrainError
        If there is a run of that name already: nobody's results are overwritten.
    """
    name = config.mlflow.run_name
    if checkpoint is not None:
        continued = RunDirectory(checkpoint.parent)
        if continued.config.is_file() and name in (None, continued.name):
            return continued
    save_dir = Path(config.checkpoint.save_dir)
    if name is None:
        return RunDirectory(_unused(save_dir, (now or datetime.now()).strftime("%Y-%m-%d_%H-%M-%S")))
    if name in ("", ".", "..") or Path(name).name != name:
        raise TrainError(f"mlflow.run_name: found '{name}', expected the name of a folder, without '/'")
    run = RunDirectory(save_dir / name)
    # A run that was stopped before its first checkpoint has no results to lose.
    restarted = may_exist(config) and not run.checkpoint_last.exists()
    if run.path.exists() and not restarted:
        raise TrainError(
            f"the run directory {run.path} exists already; expected a new mlflow.run_name, "
            f"or {shlex.quote(f'checkpoint.resume_from={run.checkpoint_last}')} to continue it"
        )
    return run


def may_exist(config: TrainConfig) -> bool:
    """Tell whether a run directory may be that of an earlier start of this training.

    It may if ``checkpoint.resume_from`` is ``auto``, or if SLURM has started this very job before.
    """
    return config.checkpoint.resume_from == AUTO or os.environ.get(_RESTARTS, "0") != "0"


def _unused(folder: Path, name: str) -> Path:
    path, number = folder / name, 2
    while path.exists():
        path, number = folder / f"{name}-{number}", number + 1
    return path
