"""Sharding of parameters: every process has the whole network, or a part of its weights and moments.

With ``distributed.strategy: fsdp`` each parameter is cut along its first dimension into one part for each
process, and so are its gradient, its average and the optimizer's moments. The parts are gathered for
a step, from the forward pass to the gradient, for a validation and for a checkpoint, whose tensors are whole:
a training may be resumed with another strategy.
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

from xec_train.engine.hardware.precision import scaler_of
from xec_train.engine.modules import TrainedModules
from xec_train.engine.optimization.averaging import Average, build_average, build_ema
from xec_train.errors import TrainError
from xec_train.processes.group import Processes

T = TypeVar("T")


class ParameterSharding(Protocol):
    """Division of the weights of a training among its processes.

    Attributes
    ----------
    compiles
        Whether `torch.compile` can be used.
    """

    compiles: bool

    def shard(self, modules: TrainedModules, forward_methods: Sequence[str]) -> None:
        """Leave each process its part of the modules, in place, before there is an optimizer.

        Parameters
        ----------
        modules
            Modules to train, on the device.
        forward_methods
            Methods of the network besides `forward` that training calls.
        """

    def average_gradients(self, module: nn.Module) -> None:
        """Average gradients over the processes, of a module that Fabric does not synchronize."""

    def build_average(
        self, modules: TrainedModules, optimizer: Any, decay: float | None, *, warm_up: bool = False
    ) -> Average | None:
        """Build the average of modules that have been sharded; parameters as in `build_average`."""

    def full_modules(self, modules: TrainedModules) -> TrainedModules:
        """Return modules with all weights, for use by any process alone. A collective call."""

    def full_state(self, state: T) -> T:
        """Return a state of network or optimizer with full tensors in rank 0, which writes it."""

    def local_state(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Return this process's part of a full state, divided like its `own` one."""

    def local_optimizer_state(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        """Return this process's part of the full state of an optimizer."""


class Replicated:
    """No sharding: every process has all weights.

    Parameters
    ----------
    processes
        The processes.
    """

    compiles = True

    def __init__(self, processes: Processes | None = None) -> None:
        self._processes = processes or Processes()

    def shard(self, modules: TrainedModules, forward_methods: Sequence[str]) -> None:
        """Leave the modules as they are."""

    def average_gradients(self, module: nn.Module) -> None:
        """Average each gradient."""
        if self._processes.is_distributed:
            for parameter in module.parameters():
                if parameter.grad is not None:
                    self._processes.all_reduce(parameter.grad.div_(self._processes.world_size))

    def build_average(
        self, modules: TrainedModules, optimizer: Any, decay: float | None, *, warm_up: bool = False
    ) -> Average | None:
        """Average the whole modules."""
        return build_average(modules, optimizer, decay, warm_up=warm_up)

    def full_modules(self, modules: TrainedModules) -> TrainedModules:
        """Return the modules."""
        return modules

    def full_state(self, state: T) -> T:
        """Return the state."""
        return state

    def local_state(self, state: Mapping[str, Any], _own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state."""
        return dict(state)

    def local_optimizer_state(self, state: dict[str, Any], _optimizer: Any) -> dict[str, Any]:
        """Return the state."""
        return state


class Sharded:
    """Sharding: every process has a part of each parameter.

    Parameters
    ----------
    fabric, processes
        Device and precision; the processes.

    Raises
    ------
    TrainError
        If the precision needs a gradient scaler, which would check each part by itself.
    """

    # torch.compile would differentiate with respect to the parts of the parameters.
    compiles = False

    def __init__(self, fabric: Fabric, processes: Processes) -> None:
        if scaler_of(fabric.strategy.precision) is not None:
            raise TrainError(
                "distributed.strategy: fsdp needs GPUs that compute with bfloat16, or training.amp=false; "
                "these scale the loss, which only ddp can"
            )
        self._device, self._processes = fabric.device, processes

    def shard(self, modules: TrainedModules, forward_methods: Sequence[str]) -> None:
        """Cut the parameters; a copy of the full modules stays in CPU memory."""
        self._full = deepcopy(modules).cpu()
        _shard(modules)
        for name in forward_methods:
            register_fsdp_forward_method(modules.network, name)

    def average_gradients(self, module: nn.Module) -> None:
        """Leave the gradients as they are: each part has been averaged with every batch."""

    def build_average(
        self, _modules: TrainedModules, _optimizer: Any, decay: float | None, *, warm_up: bool = False
    ) -> Average | None:
        """Average each part."""
        average = build_ema(deepcopy(self._full).to(self._device), decay, warm_up=warm_up)
        if average is not None:
            _shard(cast("TrainedModules", average.module))
        return average

    def full_modules(self, modules: TrainedModules) -> TrainedModules:
        """Return a copy, which lives as long as it is used."""
        copy = deepcopy(self._full).to(self._device)
        with torch.no_grad():
            for own, part in zip(_tensors(copy), _tensors(modules), strict=True):
                own.copy_(_full(part))
        return copy.train(modules.training)

    def full_state(self, state: T) -> T:
        """Gather full tensors one after the other, in CPU memory of rank 0."""
        return cast("T", tree_map_only(DTensor, self._gather, state))

    def local_state(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        """Cut what is cut in the own state; values of another shape stay, for an error."""
        return {name: _cut(value, own.get(name)) for name, value in state.items()}

    def local_optimizer_state(self, state: dict[str, Any], optimizer: Any) -> dict[str, Any]:
        """Cut the moments that have the shape of their parameter."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        moments = {
            number: {name: _cut(value, parameters[number]) for name, value in entry.items()}
            for number, entry in state["state"].items()
        }
        return {**state, "state": moments}

    def _gather(self, part: DTensor) -> Tensor | None:
        tensor = _full(part)
        return tensor.cpu() if self._processes.is_first else None


class ShardedStrategy(DDPStrategy):  # type: ignore[misc]
    """Processes as with ddp, for a network that has been sharded before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._backward_sync_control = _KeptGradients()

    def setup_module(self, module: nn.Module) -> nn.Module:
        """Return the network, which synchronizes by itself."""
        return module

    def module_to_device(self, module: nn.Module) -> None:
        """Leave the network where it is: on the device."""

    def clip_gradients_norm(self, *arguments: Any, **options: Any) -> Tensor:
        """Return the norm over all parts, as a plain number."""
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


def build_sharding(fabric: Fabric, processes: Processes) -> ParameterSharding:
    """Return the sharding that belongs to the strategy of a training."""
    return (
        Sharded(fabric, processes) if isinstance(fabric.strategy, ShardedStrategy) else Replicated(processes)
    )


def _shard(modules: TrainedModules) -> None:
    for module in (modules.network, modules.learned):
        if any(True for _ in module.parameters()):
            # Whole until the end of the backward pass.
            fully_shard(module, reshard_after_forward=False)


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return chain(network.parameters(), network.buffers())


def _full(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _cut(value: Any, own: Any) -> Any:
    if not isinstance(own, DTensor) or not isinstance(value, Tensor) or value.shape != own.shape:
        return value
    # Every process has the whole tensor: it takes its part without asking another one.
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements, src_data_rank=None)
