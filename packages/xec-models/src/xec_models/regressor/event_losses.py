"""The loss of single events: from raw outputs in a training, and from predictions in files."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from xec_data.tasks.table import TASKS
from xec_models.blocks.namespace import TORCH
from xec_models.errors import ModelError
from xec_models.losses.table import LOSSES, Loss
from xec_models.regressor.regressor import XECRegressor, anchor_key


def task_loss(network: XECRegressor, task: str, raw: Mapping[str, Tensor], truth: Tensor) -> Tensor:
    """Return the loss of each event.

    Parameters
    ----------
    network, task
        The network, and one of its tasks.
    raw
        Raw outputs of the network.
    truth
        (n, columns) true values.

    Returns
    -------
    Tensor (n,)
        Zero for an event in which the anchor finds nothing: the network says nothing about it.
    """
    config = network.task_configs[task]
    loss, beta = LOSSES[str(config.loss_fn)], float(config.loss_beta or 0.0)
    output, anchor = raw[task], raw.get(anchor_key(task))
    if anchor is None:
        return loss.per_event(*_in_space(loss, network, task, output, truth, None), beta)
    known = anchor.isfinite().all(dim=1)
    # Where there is none, any number will do: a NaN would reach the gradients.
    anchor = torch.where(known.unsqueeze(1), anchor, truth)
    losses = loss.per_event(*_in_space(loss, network, task, output, truth, anchor), beta)
    return torch.where(known, losses, 0)


def _in_space(
    loss: Loss, network: XECRegressor, task: str, output: Tensor, truth: Tensor, anchor: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return prediction and target in the space of a loss."""
    target = network.target_scale(task)
    if loss.space in ("standardized", "classes"):
        return output, target.nearest_turn(output, target.standardize(truth, anchor))
    physical, direction = target.physical(output, anchor), TASKS[task].direction
    if loss.space == "direction" and direction is not None:
        return direction(TORCH, physical), direction(TORCH, truth)
    return physical, truth


def loss_of_predictions(
    network: XECRegressor, task: str, prediction: Tensor, truth: Tensor, sigma: Tensor | None = None
) -> Tensor:
    """Return the loss of each event from what the network predicted for it.

    Parameters
    ----------
    network, task
        As for `task_loss`.
    prediction, truth
        (n, n_outputs) in the task's unit.
    sigma
        (n, n_outputs) predicted standard deviations, of a task with a loss that predicts them.

    Returns
    -------
    Tensor (n,)
        That of `task_loss`, for outputs that give this prediction. NaN where it is no number.

    Raises
    ------
    ModelError
        If the task is a classification, whose files hold no probabilities, or lacks its uncertainties.
    """
    target, loss = network.target_scale(task), LOSSES[str(network.task_configs[task].loss_fn)]
    if target.spec.n_classes:
        raise ModelError(f"task '{task}': a class tells no loss; expected probabilities of all classes")
    # Only differences to the truth count, so that it may stand for any anchor.
    anchor = truth if target.anchored else None
    raw = target.standardize(prediction, anchor)
    if loss.predicts_sigma:
        if sigma is None:
            raise ModelError(f"task '{task}': no uncertainties; the loss {loss.name} needs them")
        relative = sigma / prediction if target.log_transform else sigma
        raw = torch.cat([raw, 2 * (relative / (target.scale * target.sigma_factor)).log()], dim=1)
    given = {task: raw} if anchor is None else {task: raw, anchor_key(task): anchor}
    known = raw.isfinite().all(dim=1) & truth.isfinite().all(dim=1)
    return torch.where(known, task_loss(network, task, given, truth), torch.nan)
