"""The table of losses: their functions, spaces, and the tasks that they suit.

``standardized``
    Head output and target shifted and scaled by the network (mean 0, spread 1 over the training data), so
    that seconds and centimetres contribute equally. β of smooth_l1 and huber is in these units.
``physical``
    The network's output and the truth in the task's unit: a relative deviation means something only there.
``direction``
    Both as vectors in space, of any length.
``classes``
    Logits and the class as an integer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError
from xec_models.losses.functions import (
    bounded_log_variance,
    cosine,
    cross_entropy,
    gaussian_nll,
    huber,
    l1,
    mse,
    relative_l1,
    relative_mse,
    relative_smooth_l1,
    smooth_l1,
    student_t,
    unbounded_log_variance,
)

if TYPE_CHECKING:
    from torch import Tensor

Space = Literal["standardized", "physical", "direction", "classes"]
LossFunction = Callable[["Tensor", "Tensor", float], "Tensor"]

_TRANSITION = "transition point"


class TaskTraits(Protocol):
    """Properties of a task that decide which losses suit it."""

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for a regression."""

    @property
    def positive(self) -> bool:
        """Whether the true value is a positive number."""

    @property
    def unit_vector(self) -> bool:
        """Whether the outputs are the components of a vector of length 1."""

    @property
    def direction(self) -> object | None:
        """Function from the outputs to a vector in space; None for tasks that are no direction."""

    @property
    def default_loss(self) -> str:
        """Name of its usual loss."""

    @property
    def default_beta(self) -> float:
        """Parameter β of its usual loss."""


@dataclass(frozen=True)
class Loss:
    """A loss.

    Attributes
    ----------
    name
        Its name in configurations and checkpoints.
    function
        ``(prediction, target, beta)`` of shapes (n, k), (n, k) to the loss of each number (n, k), or of each
        event (n,).
    space
        Space of prediction and target, see the module.
    suits
        Whether the loss makes sense for a task.
    summary
        Formula per output, for people; d is prediction − target, t the target.
    beta
        Meaning of β, for people; empty if the loss has none.
    beta_positive
        Whether β = 0 is no valid value.
    default_beta
        β unless the configuration, or the task whose usual loss this is, says otherwise.
    positive_truth
        Whether every true value must be > 0.
    predicts_sigma
        Whether the prediction has twice the columns of the target: means, then logarithms of variances.
    log_variance
        From such a column to the ln σ² that the loss understands by it.
    for_readings
        Whether it can also compare the normalized readings of hidden sensors, number by number.
    """

    name: str
    function: LossFunction
    space: Space
    suits: Callable[[TaskTraits], bool]
    summary: str
    beta: str = ""
    beta_positive: bool = False
    default_beta: float = 1.0
    positive_truth: bool = False
    predicts_sigma: bool = False
    log_variance: Callable[[Tensor], Tensor] = unbounded_log_variance
    for_readings: bool = False

    @property
    def beta_in_spreads(self) -> bool:
        """Whether β is a deviation of standardized numbers."""
        return self.beta == _TRANSITION and self.space == "standardized"

    def per_event(self, prediction: Tensor, target: Tensor, beta: float) -> Tensor:
        """Compute the loss of each event.

        Parameters
        ----------
        prediction, target
            (n, k) in the loss's space.
        beta
            The loss's parameter.

        Returns
        -------
        Tensor (n,)
            The mean over the k outputs.
        """
        values = self.function(prediction, target, beta)
        return values.mean(dim=1) if values.ndim > 1 else values


def _regression(task: TaskTraits) -> bool:
    return not task.n_classes


def _numbers(task: TaskTraits) -> bool:
    # Components of a unit vector depend on each other: only the distance of the two vectors has a meaning.
    return not task.n_classes and not task.unit_vector


def _positive(task: TaskTraits) -> bool:
    return task.positive


def _directions(task: TaskTraits) -> bool:
    return task.direction is not None


def _classes(task: TaskTraits) -> bool:
    return task.n_classes > 0


LOSSES: Registry[Loss] = Registry(
    "loss",
    (
        Loss("smooth_l1", smooth_l1, "standardized", _numbers, "½d²/β for |d| < β, else |d| − β/2",
             beta=_TRANSITION, for_readings=True),
        Loss("l1", l1, "standardized", _numbers, "|d|", for_readings=True),
        Loss("mse", mse, "standardized", _regression, "d²", for_readings=True),
        Loss("huber", huber, "standardized", _numbers, "½d² for |d| < β, else β(|d| − β/2)",
             beta=_TRANSITION, beta_positive=True, for_readings=True),
        Loss("relative_l1", relative_l1, "physical", _positive, "|d/t|", positive_truth=True),
        Loss("relative_smooth_l1", relative_smooth_l1, "physical", _positive,
             "smooth_l1 of d/t; β is a relative deviation", beta=_TRANSITION, positive_truth=True),
        Loss("relative_mse", relative_mse, "physical", _positive, "(d/t)²", positive_truth=True),
        Loss("cosine", cosine, "direction", _directions,
             "1 − cos of the angle between the directions"),
        Loss("gaussian_nll", gaussian_nll, "standardized", _numbers,
             "½(ln σ² + d²/σ²)·σ^(2β), the last factor without gradient; predicts σ too",
             beta="exponent", default_beta=0.5, predicts_sigma=True),
        Loss("student_t", student_t, "standardized", _numbers,
             "½ ln σ² + ½(β + 1)·ln(1 + d²/(βσ²)), little affected by tails; predicts σ too",
             beta="degrees of freedom", beta_positive=True, default_beta=4.0, predicts_sigma=True,
             log_variance=bounded_log_variance),
        Loss("cross_entropy", cross_entropy, "classes", _classes,
             "−ln of the probability of the true class"),
    ),
    group="xec.losses",
    error=ModelError,
)  # fmt: skip
"""Every loss by its name. Installed packages add theirs in the entry-point group ``xec.losses``."""


def losses_for(task: TaskTraits) -> tuple[str, ...]:
    """Names of the losses that make sense for a task, in the order of the table."""
    return tuple(loss.name for loss in LOSSES.values() if loss.suits(task))


def losses_for_readings() -> tuple[str, ...]:
    """Names of the losses that can compare normalized readings, in the order of the table."""
    return tuple(loss.name for loss in LOSSES.values() if loss.for_readings)


def usual_beta(task: TaskTraits, loss: str) -> float:
    """Return β of a loss for a task where the configuration states none."""
    if loss == task.default_loss or loss not in LOSSES:
        return task.default_beta
    return LOSSES[loss].default_beta


def uncertainty_loss(task: TaskTraits) -> str | None:
    """Name of the first loss that predicts a σ and suits a task; None if there is none."""
    return next((name for name in losses_for(task) if LOSSES[name].predicts_sigma), None)


def describe_beta(names: Iterable[str], unit: str = "the spread of the true values") -> str:
    """Describe β of losses: ``transition point of smooth_l1 and huber, in units of …; exponent of …``.

    Parameters
    ----------
    names
        Names of losses.
    unit
        What a standardized number is in units of.
    """
    by_meaning: dict[tuple[str, str], list[str]] = {}
    for name in names:
        loss = LOSSES[name]
        measured = f", in units of {unit}" if loss.beta_in_spreads else ""
        by_meaning.setdefault((loss.beta, measured), []).append(name)
    lines = [
        f"{text} of {_listed(losses)}{measured}" for (text, measured), losses in by_meaning.items() if text
    ]
    return "; ".join(lines) or "used by none of these losses"


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
