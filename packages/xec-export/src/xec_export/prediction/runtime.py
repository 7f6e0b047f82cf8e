"""ONNX Runtime with the settings of xec: quiet, without telemetry, on the GPU if there is one."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_export.errors import ExportError
from xec_export.onnx.reading import read_graph
from xec_export.prediction.providers import AUTO, PROVIDERS, Provider, unavailable
from xec_geometry.support.processors import default_threads

if TYPE_CHECKING:
    from types import ModuleType

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


def open_session(path: Path, threads: int | None = None, provider: str = AUTO) -> Any:
    """Open an ONNX file for inference, on the GPU if there is one and on the CPU otherwise.

    Parameters
    ----------
    path
        The ONNX file.
    threads
        Threads within one operation; by default ``OMP_NUM_THREADS``, or the cores of this process.
    provider
        A name of `PROVIDERS` that has to run it, or ``auto``.

    Returns
    -------
    onnxruntime.InferenceSession
        The session. `get_providers()` tells where it runs.

    Raises
    ------
    ExportError
        If the file is not a complete ONNX file, or uses an operator that ONNX Runtime does not know, or the
        provider cannot be used here.
    """
    ort = onnxruntime()
    there_are = available_providers()
    if provider == AUTO:
        chosen = [PROVIDERS[name] for name in there_are if PROVIDERS[name].unasked]
    else:
        chosen = [PROVIDERS.get_named(provider, "--provider: ")]
        if provider not in there_are:
            raise unavailable(provider, there_are, _why_not(ort, chosen[0]))
    for entry in chosen:
        if entry.device == "cpu":
            return _open_on_cpu(ort, path, threads, entry)
        session = _open_on_gpu(ort, path, threads, entry)
        if session is not None:
            return session
    # What is wrong with the file itself, the CPU tells in a line.
    _open_on_cpu(ort, path, threads, PROVIDERS["cpu"])
    working = [name for name in there_are if name != provider]
    raise unavailable(
        provider, working, "ONNX Runtime cannot load it here (CUDA's libraries, their version?)"
    )


def available_providers() -> list[str]:
    """Return the names of the providers that this machine has, as far as that is known without trying."""
    known, gpus = onnxruntime().get_available_providers(), cuda_device_count()
    return [
        name for name, entry in PROVIDERS.items() if entry.own in known and (gpus or entry.device == "cpu")
    ]


def check_operators(path: Path) -> None:
    """Check that a graph ends: a loop in it could run for ever, and no network of xec has one.

    Raises
    ------
    ExportError
        If the graph has a loop.
    """
    model = read_graph(path)
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


def _why_not(ort: ModuleType, provider: Provider) -> str:
    if provider.own not in ort.get_available_providers():
        return f"this build of ONNX Runtime has no {provider.own}"
    return "no NVIDIA GPU with a working driver"


def _open_on_cpu(ort: ModuleType, path: Path, threads: int | None, provider: Provider) -> Any:
    try:
        return ort.InferenceSession(
            str(path),
            _options(ort, threads),
            providers=list(provider.execution_providers),
            enable_fallback=0,
        )
    except Exception as error:
        # ONNX Runtime's exceptions share no base class of their own.
        reason = " ".join(str(error).split())
        raise ExportError(
            f"{path}: not an ONNX file that can be run, or a truncated one (ONNX Runtime says: {reason})"
        ) from error


def _open_on_gpu(ort: ModuleType, path: Path, threads: int | None, provider: Provider) -> Any | None:
    # A driver without the CUDA libraries of the right version is common: then the CPU takes over in silence.
    try:
        if hasattr(ort, "preload_dlls"):
            with contextlib.redirect_stdout(io.StringIO()):
                ort.preload_dlls()
        session = ort.InferenceSession(
            str(path),
            _options(ort, threads),
            providers=list(provider.execution_providers),
            enable_fallback=0,
        )
    except Exception:
        return None
    finally:
        ort.set_default_logger_severity(_QUIET)
    return session if provider.own in session.get_providers() else None


def _options(ort: ModuleType, threads: int | None) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _QUIET
    # Its wheels have a thread pool of their own, which knows neither OMP_NUM_THREADS nor the cores of a job.
    options.intra_op_num_threads = default_threads() if threads is None else threads
    options.inter_op_num_threads = 1
    # Threads that look for work all the time slow each other beside other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
