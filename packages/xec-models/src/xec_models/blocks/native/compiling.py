"""Compile the operators for the processor at hand, once; keep them in the user's cache.

`torch.utils.cpp_extension.load` does the same with a lock that a killed process leaves behind, for which
every later one waits without end. Here whoever needs the file makes one, and the last one stays.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from xec_geometry.support.text import first_line
from xec_models.blocks.grn import EPS, SQUARE_FLOOR
from xec_models.errors import ModelError

_FOLDER = Path(__file__).parent
_SOURCE = _FOLDER / "operators.cpp"
_CONSTANTS = (f"-DXEC_SQUARE_FLOOR={SQUARE_FLOOR}f", f"-DXEC_RESPONSE_EPS={EPS}f")
_FLAGS = ("-O3", "-march=native", "-std=c++20", "-fopenmp", "-fPIC", "-w", *_CONSTANTS)
_LIBRARIES = ("-lc10", "-ltorch_cpu")
_SECONDS = 600


def compiled_file() -> Path:
    """Return where the compiled operators for this processor and this torch are, or would be.

    Raises
    ------
    ModelError
        If the user has no cache.
    """
    described = "\n".join([torch.__version__, sys.platform, platform.machine(), _instruction_sets(), *_FLAGS])
    key = hashlib.sha256(described.encode())
    for path in sorted([_SOURCE, *_FOLDER.glob("*.h")]):
        key.update(path.read_bytes())
    return _cache() / "xec" / "operators" / f"{key.hexdigest()[:20]}.so"


def compile_operators() -> Path:
    """Compile the operators; about 15 s.

    Returns
    -------
    Path
        The shared library.

    Raises
    ------
    ModelError
        If there is no compiler, or it fails, or the cache cannot be written.
    """
    # It imports setuptools.
    from torch.utils.cpp_extension import include_paths, library_paths

    compiler = find_compiler()
    if compiler is None:
        raise ModelError("no C++ compiler; expected c++, g++ or clang++ on the PATH, or another in CXX")
    target = compiled_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".compiling-") as folder:
            compiled, made = Path(folder) / "operators.o", Path(folder) / target.name
            _run(
                compiler,
                *_FLAGS,
                f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}",
                *(f"-I{path}" for path in include_paths()),
                "-c",
                _SOURCE,
                "-o",
                compiled,
            )
            # Linked without -fopenmp: the threads are those of torch's own OpenMP, not of a second one.
            paths = [f"-L{path}" for path in library_paths()]
            _run(compiler, "-shared", compiled, *paths, *_LIBRARIES, "-o", made)
            made.replace(target)
    except subprocess.CalledProcessError as error:
        raise ModelError(f"{compiler}: {_complaint(error.stderr)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"{target.parent}: {first_line(error)}") from error
    return target


def find_compiler() -> str | None:
    """Return the C++ compiler, or None: that of the variable CXX, or the system's."""
    stated = os.environ.get("CXX")
    candidates = [stated] if stated else ["c++", "g++", "clang++"]
    return next((found for name in candidates if (found := shutil.which(name))), None)


def _cache() -> Path:
    stated = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(stated) if stated else Path.home() / ".cache"
    except RuntimeError as error:
        # In a container a user may have no name.
        raise ModelError("no home folder; expected a folder in XDG_CACHE_HOME") from error


def _run(*command: str | Path) -> None:
    subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, text=True, timeout=_SECONDS
    )


def _instruction_sets() -> str:
    # A home folder is shared by machines with other processors.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _complaint(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if "error" in line] or stderr.splitlines()
    return lines[0] if lines else "failed without a message"
