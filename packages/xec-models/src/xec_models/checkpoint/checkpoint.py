"""Checkpoint files: a plain dictionary of tensors, numbers and names, and the network in it.

Nothing in a checkpoint is ever executed: files are read with `torch.load(weights_only=True)`, and a
file with pickled objects is refused.
"""

from __future__ import annotations

import pickle
import platform
import warnings
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from xec_geometry import LAYOUTS, Layout, geometry_hash
from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import atomic_output
from xec_geometry.support.text import first_line
from xec_models.errors import CheckpointError, ModelError
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.reconstruction.inpainter import XECInpainter
from xec_models.regressor.regressor import XECRegressor

FORMAT_VERSION = 1
REQUIRED_KEYS = ("format_version", "kind", "config", "layout", "geometry_hash", "model")
# A zip file, as torch writes it, or a bare pickle, as torch did before 1.6.
MAGICS = (b"PK", b"\x80")


class BuildsFromConfig(Protocol):
    """A class of networks that a plain configuration describes completely."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> nn.Module:
        """Build the network."""


# Kind of a checkpoint -> class of its network.
MODEL_KINDS: dict[str, type[BuildsFromConfig]] = {
    model.kind: model for model in (XECRegressor, XECMaskedAutoencoder, XECInpainter)
}


def save_checkpoint(path: str | Path, checkpoint: Mapping[str, Any]) -> None:
    """Write a checkpoint; the file appears under its name when it is complete.

    Parameters
    ----------
    path
        Name of the file.
    checkpoint
        At least ``kind``, ``config`` (plain dictionaries of the sections, ``model`` and ``normalization``
        among them) and ``model`` (a state dictionary). What can be derived is filled in if absent:
        ``format_version``, ``normalization``, ``layout``, ``geometry_hash``, ``versions``.

    Raises
    ------
    CheckpointError
        If a key is missing, or a value is something that `read_checkpoint` would refuse.
    OutputError
        If the file cannot be written.
    """
    for key in ("kind", "config", "model"):
        if key not in checkpoint:
            raise CheckpointError(f"cannot write {path}: the checkpoint has no '{key}'")
    if checkpoint["kind"] not in MODEL_KINDS:
        raise CheckpointError(f"cannot write {path}: {_unknown_kind(str(checkpoint['kind']))}")
    config = checkpoint["config"]
    layout: Layout = config["model"].get("layout", "physical")
    complete = {
        "format_version": FORMAT_VERSION,
        "normalization": config.get("normalization"),
        "layout": layout,
        "geometry_hash": geometry_hash(layout),
        "versions": package_versions(),
        **checkpoint,
    }
    _check_plain(complete, str(path), "")
    with atomic_output(path) as temporary:
        torch.save(complete, temporary)


def read_checkpoint(path: str | Path, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint and check that it is one of ours.

    Parameters
    ----------
    path
        Name of the file.
    map_location
        Where its tensors go.

    Returns
    -------
    dict
        As given to `save_checkpoint`.

    Raises
    ------
    CheckpointError
        If there is no such file, it is no checkpoint, is truncated, holds pickled objects, comes from
        another system or a newer version, or has keys missing.
    """
    content = load_plain(Path(path), map_location)
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} is no checkpoint: it holds a {type(content).__name__}, expected a dict"
        )
    if "model_state_dict" in content and "format_version" not in content:
        raise CheckpointError(
            f"{path} is a checkpoint of the earlier system xec-ml-wl (it has 'model_state_dict'); "
            f"expected one written by xec: convert it with xec convert {path} -o NEW.pth"
        )
    missing = [key for key in REQUIRED_KEYS if key not in content]
    if missing:
        raise CheckpointError(
            f"{path} is no checkpoint of xec: {', '.join(missing)} missing, found "
            f"{', '.join(map(str, list(content)[:8])) or 'nothing'}"
        )
    if content["format_version"] != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has the format version {content['format_version']}, this version of xec-models reads "
            f"{FORMAT_VERSION}: use the version of xec that wrote it ({_writer(content)})"
        )
    return content


def build_model(
    checkpoint: Mapping[str, Any], *, prefer_ema: bool = True, source: str = "checkpoint"
) -> nn.Module:
    """Build the network of a checkpoint, in evaluation mode.

    Parameters
    ----------
    checkpoint
        What `read_checkpoint` returned.
    prefer_ema
        Take the averaged weights if there are any.
    source
        Name of the file, for messages.

    Raises
    ------
    CheckpointError
        If the kind is unknown, the geometry is another one, or parameters do not fit.
    """
    kind, layout = checkpoint["kind"], checkpoint["layout"]
    if kind not in MODEL_KINDS:
        raise CheckpointError(f"{source}: {_unknown_kind(str(kind))}")
    if layout not in LAYOUTS:
        raise CheckpointError(
            f"{source}: unknown layout '{layout}'{did_you_mean(str(layout), LAYOUTS)}; "
            f"expected one of {', '.join(LAYOUTS)}"
        )
    if checkpoint["geometry_hash"] != geometry_hash(layout):
        raise CheckpointError(
            f"{source} was trained on another geometry (hash {str(checkpoint['geometry_hash'])[:12]}, the "
            f"layout '{layout}' of this version of xec has {geometry_hash(layout)[:12]}): its sensors do not "
            f"mean the same; use the version of xec that wrote it ({_writer(checkpoint)})"
        )
    try:
        model = MODEL_KINDS[kind].from_config(checkpoint["config"])
    except KeyError as error:
        raise CheckpointError(f"{source}: its configuration has no section {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CheckpointError(f"{source}: its configuration is not valid: {where}: {first['msg']}") from error
    load_evaluated(model, checkpoint, source, prefer_ema=prefer_ema)
    return model.eval()


def load_model(path: str | Path, device: str | torch.device = "cpu") -> nn.Module:
    """Read a trained network, ready to use.

    Parameters
    ----------
    path
        A checkpoint.
    device
        Where the network goes.

    Returns
    -------
    Module
        In evaluation mode, with the averaged weights if there are any. A regressor takes raw readings,
        ``load_model(path)(npho, time)``, and gives a dictionary of physical quantities.

    Raises
    ------
    CheckpointError
        As `read_checkpoint` and `build_model`.
    """
    return build_model(read_checkpoint(path), source=str(path)).to(device)


def load_evaluated(
    model: nn.Module, checkpoint: Mapping[str, Any], source: str = "checkpoint", *, prefer_ema: bool = True
) -> None:
    """Fill a network with the weights that were validated, and correct its uncertainties as found there.

    Parameters
    ----------
    model
        A network of the checkpoint's configuration.
    checkpoint
        What `read_checkpoint` returned. ``sigma_factors`` (by task) may be absent: no correction.
    source
        Name of the file, for messages.
    prefer_ema
        Take the averaged weights if there are any; the others were not validated beside them, so that
        they get no correction.

    Raises
    ------
    CheckpointError
        If parameters or factors do not fit.
    """
    averaged = checkpoint.get("ema_model")
    load_parameters(model, (prefer_ema and averaged) or checkpoint["model"], source)
    factors = checkpoint.get("sigma_factors")
    if factors and isinstance(model, XECRegressor) and (prefer_ema or not averaged):
        try:
            model.set_sigma_factors(factors)
        except ModelError as error:
            raise CheckpointError(f"{source}: sigma_factors: {error}") from error


def load_parameters(model: nn.Module, state: Mapping[str, Tensor], source: str = "checkpoint") -> None:
    """Fill a network, or say which parameters do not fit.

    Raises
    ------
    CheckpointError
        Naming missing and unexpected parameters with the nearest names, and both shapes of those that
        differ.
    """
    own = model.state_dict()
    problems = [
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


def package_versions() -> dict[str, str]:
    """Versions of the packages that a network's numbers depend on."""
    versions = {"python": platform.python_version()}
    for package in (
        "xec-geometry",
        "xec-data",
        "xec-models",
        "xec-train",
        "torch",
        "torch-geometric",
        "numpy",
    ):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def load_plain(path: Path, map_location: str | torch.device = "cpu") -> object:
    """What a file written by `torch.save` holds, if that is tensors and plain values.

    Raises
    ------
    CheckpointError
        If there is no such file, it is truncated or damaged, or holds pickled objects.
    """
    if not path.exists():
        raise CheckpointError(f"no such checkpoint: {path}")
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder, expected a checkpoint such as {path}/checkpoint_best.pth")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    if not magic:
        raise CheckpointError(f"{path} is empty, expected a checkpoint")
    if not magic.startswith(MAGICS):
        raise CheckpointError(
            f"{path} is no checkpoint: it starts with {magic!r}, expected a file written by torch.save"
        )
    if magic.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path} is truncated ({path.stat().st_size} bytes): copy it again")
    try:
        with warnings.catch_warnings():
            # Remarks on the pickle protocol of a file that is refused anyway.
            warnings.simplefilter("ignore")
            return cast("object", torch.load(path, map_location=map_location, weights_only=True))
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds pickled objects, which could execute code; xec reads tensors and plain values "
            "only: where you trust the file, load it there and save its state_dict() and plain numbers again"
        ) from error
    except Exception as error:  # torch raises many types for damaged files
        raise CheckpointError(f"{path} is damaged or no checkpoint: {first_line(error)}") from error


def _check_plain(value: object, path: str, where: str) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_plain(item, path, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            _check_plain(item, path, f"{where}[{i}]")
    elif type(value) not in (str, int, float, bool, type(None)) and not isinstance(value, Tensor):
        raise CheckpointError(
            f"cannot write {path}: '{where}' is a {type(value).__module__}.{type(value).__name__}, expected "
            "tensors, numbers, strings, lists and dictionaries"
        )


def _unknown_kind(kind: str) -> str:
    hint = did_you_mean(kind, MODEL_KINDS)
    return f"unknown kind of network '{kind}'{hint}; expected {', '.join(MODEL_KINDS)}"


def _writer(checkpoint: Mapping[str, Any]) -> str:
    versions = checkpoint.get("versions") or {}
    return f"xec-models {versions.get('xec-models', 'of unknown version')}"
