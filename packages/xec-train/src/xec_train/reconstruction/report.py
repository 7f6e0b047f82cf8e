"""The report of a reconstruction: errors of hidden sensors, and some events sensor by sensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
from torch import nn

from xec_geometry import FACES
from xec_train.config.train_config import ReconstructionConfig
from xec_train.data.batch import Batch
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.report import Arrays, Predictions, Report
from xec_train.reconstruction.metrics import error_metrics
from xec_train.reconstruction.result_file import write_reconstruction

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class ReconstructionReport(Report[NetworkT]):
    """Metrics and files of the validation of a network that predicts hidden sensors.

    Parameters
    ----------
    config
        The training's configuration.
    with_mask
        Adds the mask of the validation to a batch.
    weights
        Given factors of the channels in the total loss.
    """

    def __init__(
        self,
        config: ReconstructionConfig,
        with_mask: Callable[[Batch], Batch],
        weights: Mapping[str, float],
    ) -> None:
        self.config, self._with_mask, self._weights = config, with_mask, weights
        self.channels = config.model.predict_channels
        self.headlines = {f"val_loss_{channel}": "" for channel in self.channels}

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, if they are tracked."""
        one_event: Arrays = {face: np.ones((1, len(self.channels), 3)) for face in FACES}
        return [*self.metrics(Predictions(one_event, {}))]

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Return ``mae_<channel>``, ``rmse_<channel>`` and the same of each face, normalized."""
        tracked = self.config.training.track_mae_rmse
        return error_metrics(predictions.outputs, self.channels) if tracked else {}

    def figures(self, _network: NetworkT, learned: LearnedWeights) -> dict[str, float]:
        """Return ``loss_weight_<channel>`` if any is learned."""
        factors = learned.factors(self._weights)
        return {f"loss_weight_{channel}": weight for channel, weight in factors.items()}

    def write_readings(self, run: Path, network: NetworkT, batches: Iterator[Batch]) -> list[Path]:
        """Write the first ``checkpoint.save_predictions`` events, sensor by sensor."""
        n_events = self.config.checkpoint.n_predictions
        first = next(batches, None) if n_events else None
        if first is None:
            return []
        masked = map(self._with_mask, chain([first], batches))
        return [write_reconstruction(run, network, masked, self.channels, n_events)]
