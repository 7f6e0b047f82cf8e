"""Functions of the losses: the loss of each number or event from prediction, target and β.

The configuration reads the table of losses: torch is imported by the functions, when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def smooth_l1(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return the deviation squared near 0, and its absolute value from β on."""
    from torch.nn.functional import smooth_l1_loss

    return smooth_l1_loss(prediction, target, reduction="none", beta=beta)


def huber(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return β times `smooth_l1`."""
    from torch.nn.functional import huber_loss

    return huber_loss(prediction, target, reduction="none", delta=beta)


def l1(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the absolute deviation."""
    return (prediction - target).abs()


def mse(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the squared deviation."""
    return (prediction - target).square()


def relative_l1(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the absolute relative deviation."""
    return _relative(prediction, target).abs()


def relative_smooth_l1(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return `smooth_l1` of the relative deviation."""
    import torch

    deviation = _relative(prediction, target)
    return smooth_l1(deviation, torch.zeros_like(deviation), beta)


def relative_mse(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the squared relative deviation."""
    return _relative(prediction, target).square()


def cosine(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return one minus the cosine of the angle between two vectors of any length."""
    from torch.nn.functional import cosine_similarity

    return 1 - cosine_similarity(prediction, target, dim=1)


def gaussian_nll(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return the negative log-likelihood of a normal distribution, weighted by σ^(2β) without gradient.

    β = 0 is the likelihood; β = 0.5 keeps events of large σ from being neglected (Seitzer et al., ICLR 2022,
    β-NLL).
    """
    mean, log_variance = prediction.chunk(2, dim=1)
    likelihood = 0.5 * (log_variance + (target - mean).square() * (-log_variance).exp())
    return likelihood * (beta * log_variance.detach()).exp()


def cross_entropy(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the negative logarithm of the probability of the true class."""
    from torch.nn.functional import cross_entropy as entropy

    return entropy(prediction, target[:, 0].long(), reduction="none")


def _relative(prediction: Tensor, target: Tensor) -> Tensor:
    import torch

    return (prediction - target) / target.abs().clamp_min(torch.finfo(target.dtype).tiny)
