"""A study as a queue of trials: all of them wait in it from the beginning, for any number of workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xec_train.scan.errors import ScanError
from xec_train.scan.folder import StudyFolder
from xec_train.scan.liveness import is_alive
from xec_train.scan.points import distribution, grid, value_of
from xec_train.scan.pruners import PRUNERS
from xec_train.scan.quiet import quiet
from xec_train.scan.samplers import build_sampler
from xec_train.scan.space import Search, SpaceFile
from xec_train.scan.storage import import_optuna

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

SLOT, WORKER, LOST, ERROR, RUN, EPOCHS = "slot", "worker", "lost", "error", "run", "epochs"
"""Attributes of trials: place in the queue, worker, how often that was lost, error, run directory, epochs."""

BASE = "base"
"""Attribute of a study: values that all its trials have, those of the best trial before included."""


@dataclass(frozen=True)
class Queue:
    """The trials of a step.

    Attributes
    ----------
    folder
        Folder of the study.
    storage
        Where it is kept.
    space, search
        The space file, and the step.
    """

    folder: StudyFolder
    storage: BaseStorage
    space: SpaceFile
    search: Search

    @property
    def name(self) -> str:
        """Name of the step in the storage, and of its runs."""
        return f"{self.folder.name}-{self.search.name}" if self.search.name else self.folder.name

    def exists(self) -> bool:
        """Tell whether the step has begun."""
        with quiet():
            names = import_optuna().study.get_all_study_names(self.storage)
        return self.name in names

    def open(self) -> Study:
        """Open the study of optuna."""
        search = self.search
        study: Study = import_optuna().load_study(
            study_name=self.name,
            storage=self.storage,
            sampler=build_sampler(search.sampler.name, self.space.seed, search.sampler.options),
            pruner=PRUNERS[search.pruner.name].build(search.pruner.options),
        )
        return study

    def fill(self, base: Mapping[str, Any]) -> None:
        """Begin the step, or complete its queue; to be called under the lock of the folder.

        Parameters
        ----------
        base
            Values that all trials of a new step have.
        """
        optuna = import_optuna()
        if not self.exists():
            study = optuna.create_study(
                study_name=self.name, storage=self.storage, direction=self.space.direction
            )
            study.set_user_attr(BASE, dict(base))
        study = self.open()
        present = {trial.user_attrs.get(SLOT) for trial in study.get_trials(deepcopy=False)}
        points = grid(self.search.space) if self.search.is_grid else [{}] * (self.search.trials or 0)
        for slot, point in enumerate(points):
            if slot not in present:
                study.enqueue_trial(point, user_attrs={SLOT: slot})

    def take(self, worker: str) -> tuple[Study, Trial] | None:
        """Take the next trial that waits, with its values; None if none does."""
        optuna = import_optuna()
        with self.folder.lock(), quiet():
            study = self.open()
            self.requeue_lost(study)
            if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
                return None
            space = {key: distribution(key, parameter) for key, parameter in self.search.space.items()}
            trial = study.ask(space)
            trial.set_user_attr(WORKER, worker)
            return study, trial

    def give_back(self, trial: Trial) -> None:
        """Let a trial that was interrupted wait again: it goes on where it was."""
        with self.folder.lock():
            self._wait_again(trial._trial_id)

    def requeue_lost(self, study: Study) -> list[int]:
        """Let trials wait again whose workers are gone; return their numbers. Under the folder's lock."""
        optuna = import_optuna()
        found = []
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            worker = trial.user_attrs.get(WORKER)
            if worker is not None and is_alive(self.folder.workers, worker):
                continue
            lost = trial.user_attrs.get(LOST, 0) + 1
            self.storage.set_trial_user_attr(trial._trial_id, LOST, lost)
            if lost > self.space.retries:
                error = f"its worker was killed or lost {lost} times"
                self.storage.set_trial_user_attr(trial._trial_id, ERROR, error)
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            else:
                self._wait_again(trial._trial_id)
                found.append(trial.number)
        return found

    def trials(self) -> list[FrozenTrial]:
        """Return all trials."""
        trials: list[FrozenTrial] = self.open().get_trials(deepcopy=False)
        return trials

    def base(self) -> dict[str, Any]:
        """Return the values that all its trials have."""
        return dict(self.open().user_attrs[BASE])

    def best(self) -> FrozenTrial | None:
        """Return the best trial; None if none has reached its end."""
        optuna = import_optuna()
        complete = [t for t in self.trials() if t.state == optuna.trial.TrialState.COMPLETE]
        sign = self.space.sign
        return min(complete, key=lambda trial: sign * (trial.value or 0.0), default=None)

    def own_values(self, trial: FrozenTrial | Trial) -> dict[str, Any]:
        """Return the values by key that were chosen for a trial."""
        space = self.search.space
        return {key: value_of(space[key], value) for key, value in trial.params.items() if key in space}

    def values(self, trial: FrozenTrial | Trial) -> dict[str, Any]:
        """Return all values of a trial by key: its own, settings, and those of the step before."""
        return {**self.base(), **self.search.settings, **self.own_values(trial)}

    def run_name(self, number: int) -> str:
        """Return the name of the run of a trial."""
        return f"{self.name}-{number:03d}"

    def _wait_again(self, trial_id: int) -> None:
        optuna = import_optuna()
        try:
            self.storage.set_trial_state_values(trial_id, optuna.trial.TrialState.WAITING)
        except optuna.exceptions.UpdateFinishedTrialError as error:
            raise ScanError(f"{self.name}: a trial ended while it was given back") from error
