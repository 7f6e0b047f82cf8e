"""The report of an objective: metrics of a validation, and files about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray
from torch import nn

from xec_train.data.batch import Batch
from xec_train.objectives.balance import LearnedWeights

Arrays = Mapping[str, NDArray[Any]]

Factors = dict[str, list[float]]

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class Predictions:
    """The events of a validation, in the order of the files.

    Attributes
    ----------
    outputs
        Outputs of the network, (n, …) each.
    events
        Branches of the same events, without the readings, but with their sum `NPHO_SUM`.
    """

    outputs: Arrays
    events: Arrays


class Report(Generic[NetworkT]):
    """Metrics and files of a validation; the base class has none.

    Attributes
    ----------
    headlines
        Metrics for the line of an epoch, with their units.
    """

    headlines: Mapping[str, str] = {}

    @property
    def metric_names(self) -> list[str]:
        """Names of `metrics`, as far as they are known before a training."""
        return []

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Return figures of merit over all events."""
        return {}

    def factors(self, predictions: Predictions) -> tuple[Factors, Factors]:
        """Return factors by task and output: on predicted uncertainties, and on residuals to an anchor."""
        return {}, {}

    def remark(self, residual_factors: Factors) -> str:
        """Tell which outputs of the checkpoint are the anchor's alone; empty if none is."""
        return ""

    def figures(self, network: NetworkT, learned: LearnedWeights) -> dict[str, float]:
        """Return further metrics of an epoch from the network and the learned weights."""
        return {}

    def write_predictions(self, run: Path, predictions: Predictions) -> Sequence[Path]:
        """Write the validation event by event into a run directory."""
        return []

    def write_readings(self, run: Path, network: NetworkT, batches: Iterator[Batch]) -> Sequence[Path]:
        """Write files that need the readings, from batches of the validation on the device."""
        return []
