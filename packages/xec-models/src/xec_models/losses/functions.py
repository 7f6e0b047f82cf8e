"""Functions of the losses: the loss of each number or event from prediction, target and β.

The configuration reads the table of losses: torch is imported by the functions, when they are called.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LOG_VARIANCE_LIMIT = 12.0
"""Largest |ln σ²| of `bounded_log_variance`: σ from 1/400 to 400 times the spread of the targets."""


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


def student_t(prediction: Tensor, target: Tensor, beta: float) -> Tensor:
    """Return the negative log-likelihood of Student's t with ν = β degrees of freedom, without ½ ln 2π.

    The larger a deviation beyond √ν σ, the less it pulls, so that tails neither move the centre nor widen σ.
    ν → ∞ gives `gaussian_nll` with β = 0 (Lange, Little and Taylor, J. Am. Stat. Assoc. 84 (1989) 881).
    """
    mean, raw = prediction.chunk(2, dim=1)
    log_variance = bounded_log_variance(raw)
    pull = (target - mean) * (-0.5 * log_variance).exp()
    tail = 0.5 * (beta + 1) * (pull.square() / beta).log1p()
    constant = math.lgamma(0.5 * beta) - math.lgamma(0.5 * (beta + 1)) + 0.5 * math.log(0.5 * beta)
    return 0.5 * log_variance + tail + constant


def unbounded_log_variance(raw: Tensor) -> Tensor:
    """Return the logarithm of a variance as a head gives it."""
    return raw


def bounded_log_variance(raw: Tensor) -> Tensor:
    """Limit the logarithm of a variance smoothly to ± `LOG_VARIANCE_LIMIT`; unchanged well inside of it."""
    from torch.nn.functional import softplus

    limit, sharpness = LOG_VARIANCE_LIMIT, 2.0
    from_above = limit - softplus(limit - raw, sharpness)
    return softplus(from_above + limit, sharpness) - limit


def cross_entropy(prediction: Tensor, target: Tensor, _beta: float) -> Tensor:
    """Return the negative logarithm of the probability of the true class."""
    from torch.nn.functional import cross_entropy as entropy

    return entropy(prediction, target[:, 0].long(), reduction="none")


def _relative(prediction: Tensor, target: Tensor) -> Tensor:
    import torch

    return (prediction - target) / target.abs().clamp_min(torch.finfo(target.dtype).tiny)
