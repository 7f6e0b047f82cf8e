"""Whether every process has the whole network, or a part of its weights, averages and moments.

With ``distributed.strategy: fsdp`` each parameter is cut along its first dimension into one part for each
process, and so are its gradient, its average and what the optimizer keeps of it. The parts are put together
for a step, from the forward pass to the gradient, for a validation and for a checkpoint, whose tensors are
whole ones: a training may go on with another strategy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from itertools import chain
from typing import Any, Protocol, TypeVar, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from lightning_fabric.strategies.strategy import _BackwardSyncControl
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map_only

from xec_train.engine.averaging import Average, build_average, build_ema
from xec_train.engine.precision import scaler_of
from xec_train.errors import TrainError
from xec_train.processes.collectives import rank

T = TypeVar("T")


class Layout(Protocol):
    """Where the weights of a training are.

    Attributes
    ----------
    compiles
        Whether `torch.compile` can be used.
    """

    compiles: bool

    def divide(self, network: nn.Module, forward_methods: Sequence[str]) -> None:
        """Leave each process its part of a network, in place, before there is an optimizer.

        Parameters
        ----------
        network
            The network.
        forward_methods
            Methods besides `forward` that training calls.
        """

    def average(self, network: nn.Module, optimizer: Any, decay: float | None) -> Average | None:
        """As `build_average`, for a network that has been divided."""

    def whole(self, network: nn.Module) -> nn.Module:
        """A network with all weights, for use by any process alone; all have to ask for it together."""

    def gathered(self, state: T) -> T:
        """A state of network or optimizer with whole tensors, for the first process, which writes it."""

    def parts(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """What this process needs of a whole state to load it in place of its own one."""

    def optimizer_parts(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        """The same for the state of an optimizer."""


class Replicated:
    """Every process has everything: nothing is to be done."""

    compiles = True

    def divide(self, network: nn.Module, forward_methods: Sequence[str]) -> None:
        """Nothing."""

    def average(self, network: nn.Module, optimizer: Any, decay: float | None) -> Average | None:
        """An average of the whole network."""
        return build_average(network, optimizer, decay)

    def whole(self, network: nn.Module) -> nn.Module:
        """The network."""
        return network

    def gathered(self, state: T) -> T:
        """The state."""
        return state

    def parts(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """The state."""
        return dict(state)

    def optimizer_parts(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:  # noqa: ARG002
        """The state."""
        return state


class Sharded:
    """Every process has a part of each parameter.

    Parameters
    ----------
    fabric
        Device and precision.

    Raises
    ------
    TrainError
        If the precision needs a gradient scaler, which would look at each part by itself.
    """

    # It would be given the parts of the parameters to differentiate by.
    compiles = False

    def __init__(self, fabric: Fabric) -> None:
        if scaler_of(fabric.strategy.precision) is not None:
            raise TrainError(
                "distributed.strategy: fsdp needs GPUs that compute with bfloat16, or training.amp=false; "
                "these scale the loss, which only ddp can"
            )
        self._device = fabric.device

    def divide(self, network: nn.Module, forward_methods: Sequence[str]) -> None:
        """Cut the parameters of a network; the whole one is remembered by the processor."""
        self._whole = deepcopy(network)
        _shard(network.to(self._device))
        for name in forward_methods:
            register_fsdp_forward_method(network, name)

    def average(self, network: nn.Module, optimizer: Any, decay: float | None) -> Average | None:  # noqa: ARG002
        """An average of each part."""
        if hasattr(optimizer, "eval"):
            raise TrainError(
                "training.optimizer: schedulefree keeps an average that cannot be divided; expected adamw "
                "with distributed.strategy: fsdp"
            )
        average = build_ema(deepcopy(self._whole).to(self._device), decay)
        if average is not None:
            _shard(average.module)
        return average

    def whole(self, network: nn.Module) -> nn.Module:
        """A copy, which lives as long as it is used."""
        copy = deepcopy(self._whole).to(self._device)
        with torch.no_grad():
            for own, part in zip(_tensors(copy), _tensors(network), strict=True):
                own.copy_(_full(part))
        return copy.train(network.training)

    def gathered(self, state: T) -> T:
        """Whole tensors one after the other, in the memory of the first processor."""
        return cast("T", tree_map_only(DTensor, lambda part: _kept(_full(part)), state))

    def parts(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Cut what is cut in the own state; what has another shape is left for an error."""
        return {name: _cut(value, own.get(name)) for name, value in state.items()}

    def optimizer_parts(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        """Cut whatever has the shape of its parameter."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        moments = {
            number: {name: _cut(value, parameters[number]) for name, value in entry.items()}
            for number, entry in state["state"].items()
        }
        return {**state, "state": moments}


class ShardedStrategy(DDPStrategy):  # type: ignore[misc]
    """Processes as with ddp, for a network that has been divided before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._backward_sync_control = _KeptGradients()

    def setup_module(self, module: nn.Module) -> nn.Module:
        """Nothing: it synchronizes by itself."""
        return module

    def module_to_device(self, module: nn.Module) -> None:
        """Nothing: it is there."""

    def clip_gradients_norm(self, *arguments: Any, **options: Any) -> Tensor:
        """The norm over all parts, as a plain number."""
        return _full(super().clip_gradients_norm(*arguments, **options))


class _KeptGradients(_BackwardSyncControl):  # type: ignore[misc]
    def no_backward_sync(self, module: nn.Module, enabled: bool) -> AbstractContextManager[None]:
        return _without_exchange(cast("FSDPModule", module), enabled)


@contextmanager
def _without_exchange(module: FSDPModule, enabled: bool) -> Iterator[None]:
    module.set_requires_gradient_sync(not enabled)
    try:
        yield
    finally:
        module.set_requires_gradient_sync(True)


def layout_of(fabric: Fabric) -> Layout:
    """The layout that belongs to the strategy of a training."""
    return Sharded(fabric) if isinstance(fabric.strategy, ShardedStrategy) else Replicated()


def _shard(network: nn.Module) -> None:
    # Whole until the end of the backward pass: a loss may have parameters of its own.
    fully_shard(network, reshard_after_forward=False)


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return chain(network.parameters(), network.buffers())


def _full(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _kept(tensor: Tensor) -> Tensor | None:
    return tensor.cpu() if rank() == 0 else None


def _cut(value: Any, own: Any) -> Any:
    if not isinstance(own, DTensor) or not isinstance(value, Tensor) or value.shape != own.shape:
        return value
    # Every process has the whole tensor: it takes its part without asking another one.
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements, src_data_rank=None)
