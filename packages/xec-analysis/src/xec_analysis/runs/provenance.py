"""Where results come from: the state of the code, the machine, the versions of packages."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from xec_geometry.cli.command_table import PACKAGES
from xec_geometry.support.processors import available_cores, processor_model
from xec_geometry.support.revision import describe_revision

_LIBRARIES = ("numpy", "torch", "onnxruntime")


def commit() -> str:
    """Return the git revision of the code, marked if it was changed since; ``unknown`` outside of git."""
    return describe_revision(__file__)


def processor() -> str:
    """Return the model of the processor, with the number of cores that may be used."""
    cores = available_cores()
    return f"{processor_model()}, {cores} core{'s' if cores > 1 else ''}"


def accelerator() -> str:
    """Return the model of the GPU; empty without one."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def versions() -> dict[str, str]:
    """Return the versions of the installed packages of xec and of what computes for them."""
    found = {"Python": platform.python_version()}
    for package in (*PACKAGES, *_LIBRARIES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
