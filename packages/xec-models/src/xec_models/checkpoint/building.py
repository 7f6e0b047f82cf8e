"""Networks from checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, overload

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from xec_geometry import geometry_hash
from xec_geometry.detector.names import check_layout
from xec_geometry.errors import GeometryError, did_you_mean
from xec_geometry.support.text import shortened
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.kinds import MODEL_KINDS
from xec_models.checkpoint.outputs import check_tasks
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.encoder.network import Network
from xec_models.errors import CheckpointError, ModelError
from xec_models.regressor.regressor import XECRegressor

NetworkT = TypeVar("NetworkT", bound=Network)


@overload
def load_model(path: str | Path, device: str | torch.device = "cpu") -> Network: ...


@overload
def load_model(path: str | Path, device: str | torch.device = "cpu", *, kind: type[NetworkT]) -> NetworkT: ...


def load_model(
    path: str | Path, device: str | torch.device = "cpu", *, kind: type[Network] = Network
) -> Network:
    """Read a trained network, ready to use, with the positions that it was trained with.

    Parameters
    ----------
    path
        A checkpoint.
    device
        Device of the network.
    kind
        The class of networks that is expected, such as `XECRegressor`.

    Returns
    -------
    Network
        In evaluation mode, with the averaged weights if there are any. A regressor takes raw readings,
        ``load_model(path)(npho, time)``, and gives a dictionary of physical quantities. Its parameters
        need no gradient; ``requires_grad_()`` is for who wants to train them.

    Raises
    ------
    CheckpointError
        As `read_checkpoint` and `build_model`.
    """
    network = build_model(read_checkpoint(path), source=str(path), kind=kind).to(device)
    return network.requires_grad_(False)


@overload
def build_model(
    checkpoint: Checkpoint, *, prefer_ema: bool = True, source: str = "checkpoint"
) -> Network: ...


@overload
def build_model(
    checkpoint: Checkpoint,
    *,
    prefer_ema: bool = True,
    source: str = "checkpoint",
    kind: type[NetworkT],
) -> NetworkT: ...


def build_model(
    checkpoint: Checkpoint,
    *,
    prefer_ema: bool = True,
    source: str = "checkpoint",
    kind: type[Network] = Network,
) -> Network:
    """Build the network of a checkpoint, in evaluation mode.

    Parameters
    ----------
    checkpoint
        A checkpoint of `read_checkpoint`.
    prefer_ema
        Take the averaged weights if there are any.
    source
        Name of the file, for messages.
    kind
        The class of networks that is expected.

    Raises
    ------
    CheckpointError
        If the kind is unknown or not the expected one, a task is unknown, the geometry is another one, or
        parameters do not fit.
    """
    found = MODEL_KINDS.get_named(checkpoint.kind, f"{source}: ").network
    if not issubclass(found, kind):
        raise CheckpointError(
            f"{source} holds a network of the kind '{checkpoint.kind}', expected '{kind.kind}'"
        )
    _check_geometry(checkpoint, source)
    check_tasks(checkpoint, source)
    config = checkpoint.config
    sections = {**config.sections}
    if "tasks" in sections:
        # A package whose task has no head here need not be installed.
        sections["tasks"] = {name: config.section("tasks")[name] for name in config.enabled_tasks}
    _check_sizes(checkpoint, source)
    try:
        model = found.from_config(sections, checkpoint.geometry)
    except KeyError as error:
        raise CheckpointError(f"{source}: its configuration has no section {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(f"{source}: its configuration is not valid: {where}: {first['msg']}") from error
    load_evaluated(model, checkpoint, source, prefer_ema=prefer_ema)
    return model.eval()


def _check_sizes(checkpoint: Checkpoint, source: str) -> None:
    """Refuse a network of sizes that its parameters cannot have, before memory is asked for."""
    n_numbers = sum(tensor.numel() for tensor in checkpoint.weights.validated.values())
    for name, size in checkpoint.config.section("model").items():
        if isinstance(size, int) and size > max(n_numbers, 1):
            raise CheckpointError(
                f"{source}: model.{name} is {shortened(str(size), 20)}, but its parameters are {n_numbers} "
                "numbers"
            )


def _check_geometry(checkpoint: Checkpoint, source: str) -> None:
    origin = checkpoint.provenance
    try:
        installed = geometry_hash(check_layout(origin.layout), checkpoint.geometry)
    except GeometryError as error:
        raise CheckpointError(f"{source}: {error}") from error
    if origin.geometry_hash != installed:
        raise CheckpointError(
            f"{source} was trained on another geometry (hash {origin.geometry_hash[:12]}, the layout "
            f"'{origin.layout}' of this version of xec has {installed[:12]}): its sensors do not mean the "
            f"same; use the version of xec that wrote it ({origin.writer})"
        )


def load_evaluated(
    model: nn.Module, checkpoint: Checkpoint, source: str = "checkpoint", *, prefer_ema: bool = True
) -> None:
    """Load the weights that were validated into a network, and correct its uncertainties accordingly.

    Parameters
    ----------
    model
        A network of the checkpoint's configuration.
    checkpoint
        A checkpoint of `read_checkpoint`.
    source
        Name of the file, for messages.
    prefer_ema
        Take the averaged weights if there are any; the others were then not validated, and get no
        correction.

    Raises
    ------
    CheckpointError
        If parameters or factors do not fit.
    """
    weights = checkpoint.weights
    load_parameters(model, weights.validated if prefer_ema else weights.model, source)
    if isinstance(model, XECRegressor) and (prefer_ema or not weights.averaged):
        try:
            model.set_sigma_factors(weights.sigma_factors)
        except ModelError as error:
            raise CheckpointError(f"{source}: sigma_factors: {error}") from error
        try:
            model.set_residual_factors(weights.residual_factors)
        except ModelError as error:
            raise CheckpointError(f"{source}: residual_factors: {error}") from error


def load_parameters(model: nn.Module, state: Mapping[str, Tensor], source: str = "checkpoint") -> None:
    """Load parameters into a network, and name those that do not fit.

    Raises
    ------
    CheckpointError
        Naming missing and unexpected parameters with the nearest names, and both shapes of those that
        differ.
    """
    own = model.state_dict()
    problems = [
        f"'{name}' holds {state[name].dtype}, {state[name].layout}; expected {value.dtype}, {value.layout}"
        for name, value in own.items()
        if name in state and not _is_alike(state[name], value)
    ]
    problems += [
        f"'{name}' has the shape {tuple(state[name].shape)}, expected {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]
    unexpected = [name for name in state if name not in own]
    problems += [f"'{name}' missing{did_you_mean(name, unexpected)}" for name in own if name not in state]
    problems += [f"'{name}' not expected{did_you_mean(name, own)}" for name in unexpected]
    if problems:
        shown = "; ".join(problems[:4])
        more = f"; and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise CheckpointError(f"{source}: parameters do not fit the network: {shown}{more}")
    model.load_state_dict(dict(state))


def _is_alike(stored: Tensor, own: Tensor) -> bool:
    # Another precision is converted; a complex number or an integer would lose its meaning.
    return (
        stored.layout == own.layout
        and stored.is_floating_point() == own.is_floating_point()
        and stored.is_complex() == own.is_complex()
    )
