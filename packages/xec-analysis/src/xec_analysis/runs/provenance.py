"""Where results come from: the state of the code, the machine, the versions of packages."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from xec_geometry.cli.command_table import PACKAGES
from xec_geometry.support.processors import available_cores

_LIBRARIES = ("numpy", "torch", "onnxruntime")


def commit() -> str:
    """Return the git revision of the code, marked if it was changed since; ``unknown`` outside of git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def processor() -> str:
    """Return the model of the processor, with the number of cores that may be used."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    cores = available_cores()
    name = next(models, "") or platform.processor() or platform.machine()
    return f"{name}, {cores} core{'s' if cores > 1 else ''}"


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
