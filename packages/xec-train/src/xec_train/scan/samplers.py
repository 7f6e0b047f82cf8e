"""The table of samplers, and samplers whose choice depends on seed and trial, not on the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xec_geometry.support.registry import Registry
from xec_train.scan.errors import ScanError
from xec_train.scan.quiet import quiet

# The space file reads this table: optuna is imported by the functions, when they are called.
if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Build = Callable[..., "BaseSampler"]


@dataclass(frozen=True)
class SamplerEntry:
    """A sampler.

    Attributes
    ----------
    name
        Value of ``sampler`` in a space file.
    factory
        Returns a function or class that builds it from ``seed`` and options.
    summary
        One line for people.
    is_grid
        Whether every combination of the space is tried once: nothing is left to choose then.
    is_sequence
        Whether its choices are parts of one sequence, which has one seed.
    fixed
        Options that it always has.
    """

    name: str
    factory: Callable[[], Build]
    summary: str = ""
    is_grid: bool = False
    is_sequence: bool = False
    fixed: Mapping[str, Any] | None = None

    def build(self, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        """Build it for one trial."""
        with quiet():
            return self.factory()(seed=seed, **(self.fixed or {}), **options)


def _tpe() -> Build:
    from optuna.samplers import TPESampler

    return TPESampler


def _random() -> Build:
    from optuna.samplers import RandomSampler

    return RandomSampler


def _qmc() -> Build:
    from optuna.samplers import QMCSampler

    return QMCSampler


def _gp() -> Build:
    from optuna.samplers import GPSampler

    return GPSampler


SAMPLERS: Registry[SamplerEntry] = Registry(
    "sampler",
    [
        SamplerEntry("tpe", _tpe, "tree-structured Parzen estimators: near what was good so far"),
        SamplerEntry("random", _random, "independent of what was tried"),
        SamplerEntry("grid", _random, "every combination once", is_grid=True),
        SamplerEntry(
            "qmc",
            _qmc,
            "evenly spread, by a Sobol sequence",
            is_sequence=True,
            fixed={"scramble": True, "warn_independent_sampling": False},
        ),
        SamplerEntry("gp", _gp, "a Gaussian process; for few, costly trials"),
    ],
    group="xec.samplers",
    error=ScanError,
)
"""The samplers by name; installed packages add theirs in the group ``xec.samplers``."""


def build_sampler(name: str, seed: int, options: Mapping[str, Any]) -> BaseSampler:
    """Build a sampler whose choices depend on seed and number of the trial, whichever worker asks.

    Workers with one seed would all choose the same; without one, nothing could be repeated.

    Parameters
    ----------
    name
        Name in `SAMPLERS`.
    seed
        Seed of the study.
    options
        Options of optuna's sampler.
    """
    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState

    entry = SAMPLERS.get_named(name)

    class PerTrial(BaseSampler):
        """Sampler that is built anew for every trial."""

        def __init__(self) -> None:
            self._current = entry.build(seed, options)

        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            if not entry.is_sequence:
                words = np.random.SeedSequence((seed, trial.number)).generate_state(1)
                self._current = entry.build(int(words[0]), options)
            self._current.before_trial(study, trial)

        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return self._current.infer_relative_search_space(study, trial)

        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            return self._current.sample_relative(study, trial, search_space)

        def sample_independent(
            self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
        ) -> Any:
            return self._current.sample_independent(study, trial, param_name, param_distribution)

        def after_trial(
            self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
        ) -> None:
            self._current.after_trial(study, trial, state, values)

    return PerTrial()
