"""Heads of the tasks: the layers that turn an event's features into the outputs of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from xec_data.tasks.task import Task
from xec_models.config.network import TaskConfig
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from xec_models.regressor.targets import TargetScale

DROPOUT = 0.2

# Prefixes of the names of a regressor's parameters.
HEADS, TARGETS = "heads.", "targets."
# Names of the first and the last layer in a state dictionary.
_FIRST, _FINAL = 0, 6


class TaskHead(nn.Sequential):
    """The head of one task: (B, features) to (B, n_outputs), twice as many with an uncertainty.

    With an uncertainty the means come first, then the log variances.

    Parameters
    ----------
    spec, config
        The task.
    features
        Number of inputs: all tokens concatenated.
    hidden
        Width of the two hidden layers.
    dropout
        Probability of dropping a hidden feature while training.
    """

    def __init__(
        self, spec: Task, config: TaskConfig, features: int, hidden: int, dropout: float = DROPOUT
    ) -> None:
        outputs = spec.n_outputs * (2 if config.predicts_uncertainty else 1)
        super().__init__(
            nn.Linear(features, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, outputs),
        )

    @property
    def final(self) -> nn.Linear:
        """The layer that gives the outputs."""
        return cast("nn.Linear", self[-1])

    def rescale(self, old: TargetScale, shift: Tensor, scale: Tensor) -> None:
        """Adapt the final layer to another scale of the targets, with the same physical outputs.

        Parameters
        ----------
        old
            The present scale of the targets.
        shift, scale
            (n_outputs,) of the new scale.
        """
        n = len(scale)
        new_shift, new_scale = shift.double(), scale.double()
        ratio = old.scale.double() / new_scale
        weight, bias = (value.detach().double().clone() for value in (self.final.weight, self.final.bias))
        weight[:n] *= ratio.unsqueeze(1)
        bias[:n] = bias[:n] * ratio + (old.shift.double() - new_shift) / new_scale
        # Log variances may follow the means.
        bias[n:] += 2 * ratio.log()[: len(bias) - n]
        with torch.no_grad():
            self.final.weight.copy_(weight)
            self.final.bias.copy_(bias)

    def start_at_zero(self) -> None:
        """Set the final layer to zero: the outputs are then those of a target's shift, with σ = its scale."""
        nn.init.zeros_(self.final.weight)
        nn.init.zeros_(self.final.bias)

    @staticmethod
    def hidden_width(state: Mapping[str, Tensor]) -> int:
        """Read the width of the hidden layers off the parameters of a head."""
        return len(_bias(state, _FIRST))

    @staticmethod
    def output_width(state: Mapping[str, Tensor]) -> int:
        """Read the number of outputs off the parameters of a head."""
        return len(_bias(state, _FINAL))

    @staticmethod
    def with_tokens(state: Mapping[str, Tensor], order: Sequence[int]) -> dict[str, Tensor]:
        """Bring the inputs of a head, the tokens one after the other, into another order.

        Parameters
        ----------
        state
            The parameters of a head.
        order
            For each token of the new order its present place.
        """
        name = f"{_FIRST}.weight"
        weight = state[name]
        columns = weight.reshape(len(weight), len(order), -1)[:, list(order)]
        return {**state, name: columns.flatten(1)}

    @staticmethod
    def with_first_outputs(state: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
        """Cut the parameters of a head to those of its first `n` outputs."""
        return {
            name: value[:n].clone() if name.startswith(f"{_FINAL}.") else value
            for name, value in state.items()
        }


def heads_of(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return the heads' parameters in a state dictionary: by task, under their names within the head."""
    heads: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if name.startswith(HEADS):
            task, _, part = name.removeprefix(HEADS).partition(".")
            heads.setdefault(task, {})[part] = value
    return heads


def state_of_task(task: str, head: Mapping[str, Tensor], shift: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """Name the parameters of a head, and the scale of its targets, as in a regressor's state dictionary."""
    named = {f"{HEADS}{task}.{name}": value for name, value in head.items()}
    return {**named, f"{TARGETS}{task}.shift": shift, f"{TARGETS}{task}.scale": scale}


def _bias(state: Mapping[str, Tensor], layer: int) -> Tensor:
    name = f"{layer}.bias"
    if name not in state:
        raise ModelError(f"a head has no parameter '{name}'; found {', '.join(state) or 'nothing'}")
    return state[name]
