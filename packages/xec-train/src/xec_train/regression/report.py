"""The report of a regression: metrics, uncertainties and predictions of every task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import residual_factors, sigma_factors, task_metrics
from xec_models.regressor.predictions import SIGMA_SUFFIX
from xec_models.regressor.regressor import XECRegressor, anchor_key
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.report import Factors, Predictions, Report
from xec_train.regression.result_files import write_regression_results


class RegressionReport(Report[XECRegressor]):
    """Metrics and files of the validation of a regressor.

    Parameters
    ----------
    weights
        Given factors of the tasks in the total loss.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.tasks, self._weights = tuple(weights), weights
        self.headlines = dict(TASKS[task].headline for task in self.tasks)

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics of every task; those of an anchor are its own."""
        names: list[str] = []
        for task in self.tasks:
            ones = np.ones((2, len(TASKS[task].output_names)))
            names += task_metrics(task, ones, ones, ones)
        return names

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Return the metrics of every task, and the headline of the anchor as ``anchor_<metric>``."""
        outputs, events = predictions.outputs, predictions.events
        metrics: dict[str, float] = {}
        for task in self.tasks:
            truth = TASKS[task].true_values(events)
            metrics |= task_metrics(task, outputs[task], truth, outputs.get(task + SIGMA_SUFFIX))
            if anchor_key(task) in outputs:
                name, _ = TASKS[task].headline
                metrics[f"anchor_{name}"] = task_metrics(task, outputs[anchor_key(task)], truth)[name]
        return metrics

    def factors(self, predictions: Predictions) -> tuple[Factors, Factors]:
        """Return factors for every head with an uncertainty, and for every one with an anchor.

        The uncertainties are those of the values that remain: the anchor's where that is not improved.
        """
        outputs, events = predictions.outputs, predictions.events
        sigma: Factors = {}
        residual: Factors = {}
        for task in self.tasks:
            values, truth = outputs[task], TASKS[task].true_values(events)
            if anchor_key(task) in outputs:
                anchor = outputs[anchor_key(task)]
                residual[task] = residual_factors(task, values, anchor, truth)
                values = np.where(np.array(residual[task]) > 0, values, anchor)
            if task + SIGMA_SUFFIX in outputs:
                sigma[task] = sigma_factors(task, values, outputs[task + SIGMA_SUFFIX], truth)
        return sigma, residual

    def remark(self, residual_factors: Factors) -> str:
        """Tell which outputs of the checkpoint are the anchor's alone; empty if none is."""
        names = [
            output.label or output.name
            for task, factors in residual_factors.items()
            for output, factor in zip(TASKS[task].outputs, factors, strict=True)
            if not factor
        ]
        return (
            f"  not better than the anchor, whose value the checkpoint gives: {', '.join(names)}"
            if names
            else ""
        )

    def figures(self, _network: XECRegressor, learned: LearnedWeights) -> dict[str, float]:
        """Return ``loss_weight_<task>`` if any is learned."""
        return {f"loss_weight_{task}": weight for task, weight in learned.factors(self._weights).items()}

    def write_predictions(self, run: Path, predictions: Predictions) -> list[Path]:
        """Write one CSV file a task, and one ROOT file with everything."""
        return write_regression_results(run, self.tasks, predictions.outputs, predictions.events)
