"""One trial: the training with its values, observed after every epoch."""

from __future__ import annotations

import gc
import math
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from xec_geometry.errors import XecError, did_you_mean, is_out_of_memory
from xec_geometry.support.text import first_line
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.sections import AUTO
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.runs.training import ONE_TIME_KEYS, LargerWork, run_training
from xec_train.scan import study as attributes
from xec_train.scan.errors import ScanError
from xec_train.scan.space_file import changed
from xec_train.scan.study import Queue
from xec_train.scan.tracking import PARENT, STATE, STUDY, TRIAL, VALUE, study_id, tag_trial
from xec_train.tracking.metrics_file import read_metrics

if TYPE_CHECKING:
    from optuna import Study, Trial

State = Literal["complete", "pruned", "failed", "interrupted"]

_LOSS = "val_loss"
_OF_MLFLOW: Mapping[State, str] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes
    ----------
    state
        Its end; an interrupted one waits in the queue again.
    value
        The metric, of the epoch with the smallest validation loss.
    error
        Why it failed.
    """

    state: State
    value: float | None = None
    error: str = ""


@dataclass
class TrialRun:
    """The training of a trial.

    Attributes
    ----------
    queue
        The step that it belongs to.
    settings
        What the configuration of the study states.
    study, trial
        As optuna knows them.
    """

    queue: Queue
    settings: Mapping[str, Any]
    study: Study
    trial: Trial
    pruned: bool = field(default=False, init=False)

    def run(self) -> Outcome:
        """Train, and tell the study how it ended.

        Raises
        ------
        ScanError
            If the metric is none of the training's; the trial waits again.
        """
        try:
            outcome = self._train()
        except ScanError:
            self.queue.give_back(self.trial)
            raise
        except BaseException as error:
            if not isinstance(error, Exception):
                # Somebody ends this process.
                self.queue.give_back(self.trial)
                raise
            outcome = Outcome("failed", error=_in_words(error))
        finally:
            _free_memory()
        self._tell(outcome)
        return outcome

    @property
    def directory(self) -> RunDirectory:
        """The run directory."""
        return RunDirectory(self.queue.folder.runs / self.queue.run_name(self.trial.number))

    def config(self) -> TrainConfig:
        """Return the configuration: from its checkpoint if it has one, else from its beginning.

        Raises
        ------
        XecError
            If the values do not go together.
        """
        space, run = self.queue.space, self.directory
        values = self.queue.values(self.trial)
        values |= {
            "mlflow.run_name": run.name,
            "checkpoint.save_dir": str(self.queue.folder.runs),
            "checkpoint.save_artifacts": space.artifacts,
        }
        stated = values.get("checkpoint.resume_from", self.settings.get("checkpoint", {}).get("resume_from"))
        if run.checkpoint_last.is_file():
            values["checkpoint.resume_from"] = str(run.checkpoint_last)
            values |= {f"checkpoint.{key}": False for key in ONE_TIME_KEYS}
        elif stated in (None, AUTO):
            # Then the folder of a start without a checkpoint is used again.
            values["checkpoint.resume_from"] = AUTO
        config, problems = changed(self.settings, values)
        if config is None:
            raise ScanError("; ".join(problems))
        return config

    def _train(self) -> Outcome:
        number, run = self.trial.number, self.directory
        self.trial.set_user_attr(attributes.RUN, str(run.path))
        try:
            config = self.config()
        except ScanError as error:
            return Outcome("failed", error=str(error))
        if config.checkpoint.resume_from != AUTO and not run.checkpoint_last.is_file():
            # What a start left behind that was killed before its first checkpoint.
            shutil.rmtree(run.path, ignore_errors=True)
        tags = {STUDY: self.queue.folder.name, TRIAL: str(number)}
        if (parent := study_id(self.queue.folder, config)) is not None:
            tags[PARENT] = parent

        def after_epoch(epoch: int, numbers: Mapping[str, float]) -> bool:
            self._check_metric(numbers)
            self._report()
            self.pruned = epoch < config.training.epochs and self.trial.should_prune()
            return self.pruned

        with (self.queue.folder.logs / f"{run.name}.log").open("a", encoding="utf-8") as log:
            display = Display(Console(file=log, highlight=False, width=200))
            trained = run_training(config, (), display, LargerWork(after_epoch, tags=tags))
        self._report()
        if self.pruned:
            outcome = Outcome("pruned", self._value())
        elif not trained.finished:
            outcome = Outcome("interrupted")
        elif (value := self._value()) is None:
            outcome = Outcome("failed", error=f"{self.queue.space.metric} is not finite in the best epoch")
        else:
            outcome = Outcome("complete", value)
        if outcome.state != "interrupted":
            text = "" if outcome.value is None else repr(outcome.value)
            tag_trial(run, config, _OF_MLFLOW[outcome.state], {STATE: outcome.state, VALUE: text})
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        from optuna.trial import TrialState

        if outcome.state == "interrupted":
            self.queue.give_back(self.trial)
            return
        self.trial.set_user_attr(attributes.EPOCHS, len(self._epochs()))
        if outcome.state == "complete":
            self.study.tell(self.trial, outcome.value)
        elif outcome.state == "pruned":
            self.study.tell(self.trial, state=TrialState.PRUNED)
        else:
            self.trial.set_user_attr(attributes.ERROR, outcome.error)
            self.study.tell(self.trial, state=TrialState.FAIL)

    def _check_metric(self, numbers: Mapping[str, float]) -> None:
        metric = self.queue.space.metric
        if metric not in numbers:
            known = [name for name in numbers if not name.startswith("system/")]
            raise ScanError(
                f"metric: an epoch has no '{metric}'{did_you_mean(metric, known)}; it has {', '.join(known)}"
            )

    def _report(self) -> None:
        """Report every epoch that has not been reported, those of an earlier start included."""
        storage = self.queue.storage
        told = storage.get_trial(self.trial._trial_id).intermediate_values
        for epoch, numbers in self._epochs().items():
            value = numbers.get(self.queue.space.metric, math.nan)
            if epoch not in told and math.isfinite(value):
                self.trial.report(value, epoch)

    def _value(self) -> float | None:
        """Return the metric of the epoch whose network ``checkpoint_best.pth`` holds."""
        epochs = [numbers for numbers in self._epochs().values() if math.isfinite(numbers[_LOSS])]
        best = min(epochs, key=lambda numbers: numbers[_LOSS], default={})
        value = best.get(self.queue.space.metric, math.nan)
        return value if math.isfinite(value) else None

    def _epochs(self) -> dict[int, dict[str, float]]:
        """Return the metrics of every epoch that was validated."""
        epochs: dict[int, dict[str, float]] = {}
        if self.directory.metrics.is_file():
            for row in read_metrics(self.directory.metrics):
                epochs.setdefault(int(row["epoch"]), {})[row["metric"]] = float(row["value"])
        return {epoch: numbers for epoch, numbers in epochs.items() if _LOSS in numbers}


def _in_words(error: Exception) -> str:
    if isinstance(error, XecError):
        return str(error)
    if is_out_of_memory(error):
        return f"out of memory ({type(error).__name__}: {first_line(error)})"
    return f"{type(error).__name__}: {first_line(error)}"


def _free_memory() -> None:
    """Give back what the training held: another one follows in this process."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        with suppress(RuntimeError):
            torch.cuda.empty_cache()
