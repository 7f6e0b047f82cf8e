"""Checks of what is installed: the packages of xec, torch and its GPUs, ONNX Runtime, SLURM."""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from xec_geometry.cli.command_table import PACKAGES
from xec_geometry.errors import XecError
from xec_geometry.support.revision import git_revision
from xec_train.doctor.finding import Finding

_DRIVER = Path("/proc/driver/nvidia/version")
_LIBRARIES = (
    "torch",
    "torch-geometric",
    "lightning-fabric",
    "mlflow",
    "numpy",
    "uproot",
    "pydantic",
    "submitit",
)
_NEEDED = ("torch", "lightning-fabric", "mlflow", "numpy", "uproot", "pydantic")
_NOT_INSTALLED = "not installed"
_GIGABYTE = 1e9


def packages() -> Iterator[Finding]:
    """Versions of the packages of xec, and the commit where they are a checkout."""
    found = {name: _version(name) for name in PACKAGES}
    for name, number in found.items():
        yield Finding(name, number)
    revision = git_revision(__file__)
    if revision is not None:
        yield Finding("commit", revision[:12])


def libraries() -> Iterator[Finding]:
    """Versions of Python, the system and the libraries."""
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    for name in _LIBRARIES:
        number = _version(name)
        missing = number == _NOT_INSTALLED and name in _NEEDED
        yield Finding(name, number, f"pip install {name}" if missing else "")


def devices() -> Iterator[Finding]:
    """The GPUs that torch sees."""
    import torch

    cuda = torch.version.cuda
    yield Finding("CUDA of torch", cuda or "none: this torch computes on the CPU")
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            free, total = torch.cuda.mem_get_info(number)
            memory = f"{free / _GIGABYTE:.0f} of {total / _GIGABYTE:.0f} GB free"
            yield Finding(
                f"GPU {number}", f"{about.name}, compute capability {about.major}.{about.minor}, {memory}"
            )
        return
    yield Finding("GPUs", "none", _why_no_gpu(cuda))


def onnx() -> Iterator[Finding]:
    """What ONNX Runtime can compute on; it belongs to xec-export."""
    if find_spec("onnxruntime") is None:
        yield Finding("ONNX Runtime", _NOT_INSTALLED)
        return
    runtime = importlib.import_module("onnxruntime")
    providers = list(runtime.get_available_providers())
    problem = ""
    if _DRIVER.exists() and "CUDAExecutionProvider" not in providers:
        problem = (
            "'xec predict' with ONNX files computes on the CPU; on x86-64 install onnxruntime-gpu, elsewhere "
            "predict with the checkpoint, which torch runs on the GPU"
        )
    yield Finding("ONNX Runtime", str(runtime.__version__))
    yield Finding(
        "ONNX providers", ", ".join(name.removesuffix("ExecutionProvider") for name in providers), problem
    )


def slurm() -> Iterator[Finding]:
    """What 'xec submit' needs, where there is SLURM."""
    from xec_train.cluster.profile_file import default_path, read_cluster_file

    sbatch = shutil.which("sbatch")
    problem = ""
    if sbatch is not None and find_spec("submitit") is None:
        problem = "'xec submit' needs submitit: pip install 'xec-train[cluster]'"
    yield Finding("sbatch", sbatch or "not here", problem)
    path = default_path()
    if not path.exists():
        yield Finding("profiles", f"no {path}")
        return
    try:
        file = read_cluster_file(path)
    except XecError as error:
        yield Finding("profiles", str(path), str(error))
    else:
        yield Finding("profiles", f"{', '.join(file.profiles) or 'none'} ({path})")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _NOT_INSTALLED


def _why_no_gpu(cuda: str | None) -> str:
    if not _DRIVER.exists():
        return ""
    if cuda is None:
        return (
            "this machine has a driver for GPUs, but this torch is one without CUDA: see tools/environments"
        )
    return "this machine has a driver for GPUs, but torch finds none: ask the job for one (--gpus-per-node 1)"
