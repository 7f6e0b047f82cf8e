"""The losses, one row each: a function that gives one number per event, and the space it works in.

``standardized``
    Head output and target shifted and scaled by the network (mean 0, spread 1 over the training data), so
    that seconds and centimetres weigh alike. `beta` of smooth_l1 and huber is in these units.
``physical``
    The network's output and the truth in the task's unit: a relative deviation or an angle between
    directions means something only there.
``classes``
    Logits and the class as an integer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Space = Literal["standardized", "physical", "classes"]
LossFunction = Callable[[Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class Loss:
    """A loss.

    Attributes
    ----------
    name
        Its name in the configuration.
    function
        ``(prediction, target, beta)`` of shapes (n, k), (n, k) to (n,), the mean over the k outputs.
    space
        What prediction and target are.
    meaning
        The formula, per output.
    """

    name: str
    function: LossFunction
    space: Space
    meaning: str


def smooth_l1(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """½d²/β for |d| < β, else |d| − β/2."""
    return F.smooth_l1_loss(prediction, target, reduction="none", beta=beta).mean(dim=1)


def huber(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """½d² for |d| < β, else β(|d| − β/2)."""
    return F.huber_loss(prediction, target, reduction="none", delta=beta).mean(dim=1)


def l1(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """|d|."""
    return (prediction - target).abs().mean(dim=1)


def mse(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """d²."""
    return (prediction - target).square().mean(dim=1)


def relative_l1(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """|d/t|."""
    return _relative(prediction, target).abs().mean(dim=1)


def relative_smooth_l1(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """smooth_l1 of d/t; β is a relative deviation."""
    deviation = _relative(prediction, target)
    return smooth_l1(deviation, torch.zeros_like(deviation), beta)


def relative_mse(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """(d/t)²."""
    return _relative(prediction, target).square().mean(dim=1)


def cosine(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """1 − cos of the angle between two vectors of any length."""
    return 1 - F.cosine_similarity(prediction, target, dim=1)


def gaussian_nll(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """½(ln σ² + d²/σ²)·σ^(2β), the last factor without gradient.

    The prediction has twice the columns of the target: means, then logarithms of variances. β = 0 is the
    likelihood; β = 0.5 keeps events of large σ from being neglected (Seitzer et al., ICLR 2022, β-NLL).
    """
    mean, log_variance = prediction.chunk(2, dim=1)
    likelihood = 0.5 * (log_variance + (target - mean).square() * torch.exp(-log_variance))
    return (likelihood * torch.exp(beta * log_variance.detach())).mean(dim=1)


def cross_entropy(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """−ln of the probability given to the true class."""
    return F.cross_entropy(prediction, target[:, 0].long(), reduction="none")


_TABLE: tuple[tuple[LossFunction, Space], ...] = (
    (smooth_l1, "standardized"),
    (huber, "standardized"),
    (l1, "standardized"),
    (mse, "standardized"),
    (relative_l1, "physical"),
    (relative_smooth_l1, "physical"),
    (relative_mse, "physical"),
    (cosine, "physical"),
    (gaussian_nll, "standardized"),
    (cross_entropy, "classes"),
)

LOSSES: dict[str, Loss] = {
    function.__name__: Loss(function.__name__, function, space, (function.__doc__ or "").splitlines()[0])
    for function, space in _TABLE
}
"""Every loss by its name."""


def _relative(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target) / target.abs().clamp_min(torch.finfo(target.dtype).tiny)
