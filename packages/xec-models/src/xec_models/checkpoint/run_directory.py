"""The run directory of a training: the names of its files.

Training writes them, export and analysis read them; no other module spells them out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xec_data.tasks.table import TASKS
from xec_models.errors import RunDirectoryError


class RunDirectory:
    """The files of one run, ``<save_dir>/<run name>/``.

    Parameters
    ----------
    path
        The folder. It need not exist yet; `open` checks that it does.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Open the run directory of a training that has started.

        Raises
        ------
        RunDirectoryError
            If there is no such folder, or it holds no configuration.
        """
        run = cls(path)
        if not run.path.exists():
            raise RunDirectoryError(f"no such run directory: {path}")
        if not run.path.is_dir():
            raise RunDirectoryError(f"{path} is a file, expected a run directory (written by 'xec train')")
        if not run.config.is_file():
            raise RunDirectoryError(
                f"{path} holds no {run.config.name}, expected a run directory (written by 'xec train')"
            )
        return run

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    @property
    def name(self) -> str:
        """Name of the run, part of the file names."""
        return self.path.name or self.path.resolve().name

    @property
    def has_results(self) -> bool:
        """Whether a training has written here; a ``config.yaml`` alone stands in many folders."""
        left = (self.checkpoint_best, self.checkpoint_last, self.metrics)
        return self.config.is_file() and any(path.is_file() for path in left)

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    def read_config(self) -> dict[str, Any]:
        """Read the configuration as plain values.

        Raises
        ------
        RunDirectoryError
            If it is not a YAML file with keys at the top level.
        """
        import yaml

        try:
            content = yaml.safe_load(self.config.read_text(encoding="utf-8")) or {}
        # Nested too deeply, or a date or number that does not exist.
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise RunDirectoryError(f"{self.config}: not a YAML file: {reason}") from error
        if not isinstance(content, dict):
            raise RunDirectoryError(f"{self.config}: a {type(content).__name__}, expected keys and values")
        return content

    @property
    def checkpoint_best(self) -> Path:
        """Checkpoint of the best epoch."""
        return self.path / "checkpoint_best.pth"

    @property
    def checkpoint_last(self) -> Path:
        """Checkpoint to resume from."""
        return self.path / "checkpoint_last.pth"

    @property
    def metrics(self) -> Path:
        """Every logged value: columns epoch, step, metric, value, timestamp."""
        return self.path / "metrics.csv"

    @property
    def lock(self) -> Path:
        """Claim of the training that is writing, with its host and process; gone when it has ended."""
        return self.path / ".lock"

    @property
    def data_files(self) -> Path:
        """The ROOT files that were read: columns use, path, tree, entries, kept, bytes, digest."""
        return self.path / "data_files.csv"

    @property
    def mlflow_runs(self) -> Path:
        """Ids of this run on MLflow servers, by the servers' addresses."""
        return self.path / "mlflow_runs.json"

    @property
    def tensorboard(self) -> Path:
        """Folder of the event files for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def bad_events(self) -> Path:
        """Events whose loss ended the training: columns epoch, step, run, event, loss."""
        return self.path / "bad_events.csv"

    def dead_channels(self, number: int) -> Path:
        """Return the file of the `number`-th list of dead channels, from 1: as it was when the run began."""
        return self.path / f"dead_channels_{number}.txt"

    def predictions(self, task: str) -> Path:
        """Return the file of the validation of one task: columns run, event, pred_*, truth_*."""
        return self.path / f"predictions_{TASKS.get_named(task).name}_{self.name}.csv"

    @property
    def validation_results(self) -> Path:
        """Validation event by event: run, event, pred_*, loss, loss_<task>, npho_sum, truth branches."""
        return self.path / f"validation_results_{self.name}.root"

    @property
    def reconstruction(self) -> Path:
        """Validation of a network that reconstructs readings, event by event.

        run, event, mask (1: hidden), and for each channel truth_*, pred_*, error_*: one number per sensor.
        """
        return self.path / f"reconstruction_{self.name}.root"

    @property
    def onnx(self) -> Path:
        """The exported network."""
        return self.path / f"{self.name}.onnx"

    @property
    def onnx_description(self) -> Path:
        """Inputs, outputs, units and constants of the exported network."""
        return self.path / f"{self.name}.json"

    @property
    def plots(self) -> Path:
        """Folder of the plots."""
        return self.path / "plots"

    def resolution_profile(self, task: str) -> Path:
        """Return the file of the resolution plot of one task."""
        return self.plots / f"resolution_profile_{TASKS.get_named(task).name}_{self.name}.pdf"

    @property
    def saliency_profile(self) -> Path:
        """Plot of the saliency of the inputs."""
        return self.plots / f"saliency_profile_{self.name}.pdf"

    def event_display(self, number: int) -> Path:
        """Return the file of the display of the `number`-th worst event."""
        return self.plots / f"worst_event_{number}_{self.name}.pdf"
