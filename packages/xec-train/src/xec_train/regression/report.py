"""The report of a regression: metrics, uncertainties and predictions of every task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import sigma_factors, task_metrics
from xec_models.regressor.predictions import SIGMA_SUFFIX
from xec_models.regressor.regressor import XECRegressor
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.report import Predictions, Report
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

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """Return the metrics of every task."""
        outputs, events = predictions.outputs, predictions.events
        return {
            name: value
            for task in self.tasks
            for name, value in task_metrics(
                task, outputs[task], TASKS[task].true_values(events), outputs.get(task + SIGMA_SUFFIX)
            ).items()
        }

    def sigma_factors(self, predictions: Predictions) -> dict[str, list[float]]:
        """Return factors for every head with an uncertainty."""
        outputs, events = predictions.outputs, predictions.events
        return {
            task: sigma_factors(
                task, outputs[task], outputs[task + SIGMA_SUFFIX], TASKS[task].true_values(events)
            )
            for task in self.tasks
            if task + SIGMA_SUFFIX in outputs
        }

    def figures(self, _network: XECRegressor, learned: LearnedWeights) -> dict[str, float]:
        """Return ``loss_weight_<task>`` if any is learned."""
        return {f"loss_weight_{task}": weight for task, weight in learned.factors(self._weights).items()}

    def write_predictions(self, run: Path, predictions: Predictions) -> list[Path]:
        """Write one CSV file a task, and one ROOT file with everything."""
        return write_regression_results(run, self.tasks, predictions.outputs, predictions.events)
