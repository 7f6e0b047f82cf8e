"""ONNX Runtime with the settings of xec: quiet, without telemetry, on the GPU if there is one."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_export.errors import ExportError

if TYPE_CHECKING:
    from types import ModuleType

CUDA_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"

# ONNX Runtime's level "fatal". Its errors arrive as exceptions, its warnings are about its own optimizations.
_QUIET = 4

_LOOPS = ("Loop", "Scan")


def onnxruntime() -> ModuleType:
    """Import ONNX Runtime, with its telemetry off unless the user's environment says otherwise.

    Returns
    -------
    module
        ``onnxruntime``.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort

    ort.set_default_logger_severity(_QUIET)
    return ort  # type: ignore[no-any-return]


def open_session(path: Path, threads: int | None = None) -> Any:
    """Open an ONNX file for inference, on the GPU if there is one and on the CPU otherwise.

    Parameters
    ----------
    path
        The ONNX file.
    threads
        Threads within one operation; by default ``OMP_NUM_THREADS``, or all cores.

    Returns
    -------
    onnxruntime.InferenceSession
        The session. `get_providers()` tells where it runs.

    Raises
    ------
    ExportError
        If the file is not a complete ONNX file, or uses an operator that ONNX Runtime does not know.
    """
    ort = onnxruntime()
    if cuda_device_count() and CUDA_PROVIDER in ort.get_available_providers():
        session = _open_on_gpu(ort, path, threads)
        if session is not None:
            return session
    try:
        return ort.InferenceSession(
            str(path), _options(ort, threads), providers=[CPU_PROVIDER], enable_fallback=0
        )
    except Exception as error:
        # ONNX Runtime's exceptions share no base class of their own.
        reason = " ".join(str(error).split())
        raise ExportError(
            f"{path}: not an ONNX file that can be run, or a truncated one (ONNX Runtime says: {reason})"
        ) from error


def check_operators(path: Path) -> None:
    """Check that a graph ends: a loop in it could run for ever, and no network of xec has one.

    Raises
    ------
    ExportError
        If the graph has a loop.
    """
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:
        # Protobuf's exceptions have other types in other implementations of it.
        raise ExportError(f"{path}: not an ONNX file: {' '.join(str(error).split())}") from error
    graphs = [model.graph, *model.functions]
    while graphs:
        for node in graphs.pop().node:
            if node.op_type in _LOOPS:
                raise ExportError(
                    f"{path}: the graph has the operator {node.op_type}, which may never end; expected a "
                    "file written by `xec export`"
                )
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def cuda_device_count() -> int:
    """Count the NVIDIA GPUs by asking the driver.

    ONNX Runtime only tries, and complains on stderr; torch may have been built without CUDA.

    Returns
    -------
    int
        The number of GPUs; 0 without a driver.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def default_threads() -> int:
    """Return the number of threads: ``OMP_NUM_THREADS`` if that is set, else 0 (all cores)."""
    # ONNX Runtime's wheels have a thread pool of their own, which does not read the variable.
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return int(stated) if stated.isdecimal() else 0


def _open_on_gpu(ort: ModuleType, path: Path, threads: int | None) -> Any | None:
    # A driver without the CUDA libraries of the right version is common: then the CPU takes over in silence.
    try:
        if hasattr(ort, "preload_dlls"):
            with contextlib.redirect_stdout(io.StringIO()):
                ort.preload_dlls()
        session = ort.InferenceSession(
            str(path),
            _options(ort, threads),
            providers=[CUDA_PROVIDER, CPU_PROVIDER],
            enable_fallback=0,
        )
    except Exception:
        return None
    finally:
        ort.set_default_logger_severity(_QUIET)
    return session if CUDA_PROVIDER in session.get_providers() else None


def _options(ort: ModuleType, threads: int | None) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = default_threads() if threads is None else threads
    options.inter_op_num_threads = 1
    return options
