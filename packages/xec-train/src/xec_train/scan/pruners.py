"""The table of pruners: which trials end before their last epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xec_geometry.support.registry import Registry
from xec_train.scan.errors import ScanError
from xec_train.scan.quiet import quiet

# The space file reads this table: optuna is imported by the functions, when they are called.
if TYPE_CHECKING:
    from optuna.pruners import BasePruner

Build = Callable[..., "BasePruner"]


@dataclass(frozen=True)
class PrunerEntry:
    """A pruner.

    Attributes
    ----------
    name
        Value of ``pruner`` in a space file.
    factory
        Returns a function or class that builds it from options.
    summary
        One line for people.
    """

    name: str
    factory: Callable[[], Build]
    summary: str = ""

    def build(self, options: Mapping[str, Any]) -> BasePruner:
        """Build it."""
        with quiet():
            return self.factory()(**options)


def _none() -> Build:
    from optuna.pruners import NopPruner

    return NopPruner


def _median() -> Build:
    from optuna.pruners import MedianPruner

    return MedianPruner


def _percentile() -> Build:
    from optuna.pruners import PercentilePruner

    return PercentilePruner


def _halving() -> Build:
    from optuna.pruners import SuccessiveHalvingPruner

    return SuccessiveHalvingPruner


def _hyperband() -> Build:
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner


def _threshold() -> Build:
    from optuna.pruners import ThresholdPruner

    return ThresholdPruner


PRUNERS: Registry[PrunerEntry] = Registry(
    "pruner",
    [
        PrunerEntry("none", _none, "every trial runs to its end"),
        PrunerEntry("median", _median, "worse than the median of the others at the same epoch"),
        PrunerEntry("percentile", _percentile, "not among the best percentile at the same epoch"),
        PrunerEntry("halving", _halving, "successive halving: few of many reach the later epochs"),
        PrunerEntry("hyperband", _hyperband, "successive halving with several numbers of first epochs"),
        PrunerEntry("threshold", _threshold, "above upper or below lower"),
    ],
    group="xec.pruners",
    error=ScanError,
)
"""The pruners by name; installed packages add theirs in the group ``xec.pruners``."""
