"""The loss of every event in a run's validation: as the training wrote it, or computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.resolution.columns import predicted_values, truth_in
from xec_analysis.resolution.results import Floats, Results
from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import half_width_68
from xec_models.regressor.predictions import SIGMA, loss_column

if TYPE_CHECKING:
    from xec_models.regressor.regressor import XECRegressor

Columns = Mapping[str, NDArray[Any]]

# Coordinates of a point in the detector, which a display can show.
_POSITION = ("u", "v", "w")


@dataclass(frozen=True)
class EventLosses:
    """How bad each event is.

    Attributes
    ----------
    total
        (n,), of all entries of the file; NaN where it is unknown.
    parts
        Of the single tasks, (n,) each, without their weights.
    meaning
        What it is, for people.
    is_loss
        Whether it is the loss of the training.
    functions
        Name of the loss of each task, as far as known.
    """

    total: Floats
    parts: Mapping[str, Floats]
    meaning: str
    is_loss: bool = True
    functions: Mapping[str, str] = field(default_factory=dict)

    @property
    def worst_first(self) -> NDArray[np.int64]:
        """Entries from the largest loss to the smallest; not those without one."""
        known = np.flatnonzero(np.isfinite(self.total))
        return known[np.argsort(-self.total[known], kind="stable")]


def stored_losses(columns: Columns) -> EventLosses | None:
    """Return the losses that the training wrote beside its predictions; None if there are none."""
    if loss_column() not in columns:
        return None
    parts = {task: _floats(columns[loss_column(task)]) for task in TASKS if loss_column(task) in columns}
    return EventLosses(_floats(columns[loss_column()]), parts, "loss of the training")


def computed_losses(network: XECRegressor, log_variances: Mapping[str, Any], columns: Columns) -> EventLosses:
    """Compute the losses from predictions and truth, with the settings of the network's training.

    Parameters
    ----------
    network
        Its losses, weights and scales count, not its parameters.
    log_variances
        Of learned weights, by task, as in `xec_models.losses.balance.total_loss`.
    columns
        Predictions and truth; classes do not count, of which files hold no probabilities.

    Raises
    ------
    ModelError
        If a task lacks the uncertainties that its loss needs.
    """
    import torch

    from xec_models.losses.balance import total_loss
    from xec_models.regressor.event_losses import loss_of_predictions

    losses = {}
    for task in network.tasks:
        names = TASKS[task].output_names
        truth = truth_in(columns, task)
        if TASKS[task].n_classes or truth is None:
            continue
        widths = [columns[f"{SIGMA}{name}"] for name in names if f"{SIGMA}{name}" in columns]
        sigma = np.column_stack(widths).astype(np.float64) if len(widths) == len(names) else None
        prediction, true = (torch.from_numpy(values) for values in (predicted_values(columns, task), truth))
        width = None if sigma is None else torch.from_numpy(sigma)
        losses[task] = loss_of_predictions(network, task, prediction, true, width).detach()
    weights = {task: network.task_configs[task].weight for task in losses}
    total = total_loss(losses, weights, {task: torch.as_tensor(x) for task, x in log_variances.items()})
    left_out = [task for task in network.tasks if task not in losses]
    without = f", without {', '.join(left_out)}" if left_out else ""
    parts = {task: values.numpy() for task, values in losses.items()}
    return EventLosses(
        total.numpy(), parts, f"loss of the training, computed from predictions and truth{without}"
    )


def residuals_as_losses(results: Results) -> EventLosses:
    """Return the squares of residuals in units of their 68 % widths, for want of losses.

    Those of the position, if it is predicted, because one can see them in a picture.
    """
    positions = [name for name, result in results.tasks.items() if result.outputs == _POSITION]
    task = next(iter([*positions, *results.tasks]))
    result = results.tasks[task]
    pulls = [_in_widths(result.residual(output)) for output in result.outputs]
    total = np.full(result.n_events, np.nan)
    total[result.entries] = np.sum(np.square(pulls), axis=0)
    meaning = f"sum of squared residuals of {task} in units of their 68 % widths (the loss is not known)"
    return EventLosses(total, {}, meaning, is_loss=False)


def _in_widths(residual: Floats) -> Floats:
    width = half_width_68(residual)
    return residual / width if width > 0 else residual


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float64)
