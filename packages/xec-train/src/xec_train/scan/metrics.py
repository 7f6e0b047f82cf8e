"""The metrics of an epoch as far as they are known before a training, and what is told about one of them."""

from __future__ import annotations

from collections.abc import Iterator

from xec_geometry.errors import did_you_mean
from xec_train.config.train_config import TrainConfig
from xec_train.objectives.table import build_objective
from xec_train.scan.space import SpaceFile

_PHASES = ("train", "val")
_LOSSES = tuple(f"{phase}_loss" for phase in _PHASES)
# Their names depend on more than the objective.
_FURTHER = ("anchor_", "loss_weight_", "system/")
# A loss that depends on them cannot be compared between their values.
_CHANGES_LOSS = (
    *("tasks.", "loss_balance", "normalization.", "reweighting.", "model.mask_ratio"),
    *("training.loss", "training.npho", "training.time."),
)
_SIGNED = ("_bias", "_skew")
_LARGE_IS_GOOD = ("_accuracy",)


def known_metrics(config: TrainConfig) -> list[str]:
    """Return the names of losses and figures of merit; empty where only an epoch tells them.

    Raises
    ------
    XecError
        If the configuration names positions of the sensors that cannot be read.
    """
    objective = build_objective(config)
    losses = [f"{phase}_{name}" for name in objective.loss_names for phase in _PHASES]
    return [*losses, *objective.report.metric_names] if losses else []


def metric_problem(metric: str, config: TrainConfig) -> str:
    """Say what is wrong with a metric; empty if nothing is known to be."""
    known = known_metrics(config)
    if not known or metric in known or metric.startswith(_FURTHER):
        return ""
    return (
        f"metric: no epoch of this training has '{metric}'{did_you_mean(metric, known)}; "
        f"it has {', '.join(known)}"
    )


def remarks(space: SpaceFile) -> Iterator[str]:
    """Yield notes about a metric that may mislead."""
    if space.metric.startswith(_LOSSES):
        keys = dict.fromkeys(
            k for search in space.searches for k in search.space if k.startswith(_CHANGES_LOSS)
        )
        if keys:
            yield (
                f"metric: {space.metric} means something else for other values of {', '.join(keys)}; a "
                "figure of merit, such as energy_res_68pct, can be compared"
            )
    if space.metric.endswith(_SIGNED):
        yield f"metric: {space.metric} has a sign; its {space.direction[:3]}imum is not what is nearest to 0"
    if space.metric.endswith(_LARGE_IS_GOOD) and space.direction == "minimize":
        yield f"metric: a large {space.metric} is a good one; expected direction: maximize"
