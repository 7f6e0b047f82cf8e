"""ONNX Runtime is quiet, sends nothing, and is not loaded before it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xec_export import ExportError


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    clean = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    result = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return result.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import json, sys, xec_export, xec_export.commands.export, xec_export.commands.predict, "
        "xec_export.onnx.run_artifact\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    loaded = set(json.loads(python(code)))
    assert not loaded & {"torch", "onnx", "onnxruntime", "onnxscript", "uproot", "pydantic", "rich", "yaml"}


def test_every_public_name_exists() -> None:
    import xec_export

    assert all(getattr(xec_export, name) is not None for name in xec_export.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = xec_export.nothing


@pytest.mark.parametrize(("stated", "expected"), [({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")])
def test_telemetry_is_off_unless_the_user_says_so(stated: dict[str, str], expected: str) -> None:
    code = (
        "import os; from xec_export.prediction.runtime import onnxruntime; onnxruntime(); "
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    assert python(code, **stated) == expected


def test_a_session_without_a_gpu_says_nothing(exported: Any) -> None:
    # As on a machine with a driver but without the CUDA libraries of the right version.
    code = (
        "from pathlib import Path\n"
        "from xec_export.prediction import runtime\n"
        "runtime.cuda_device_count = lambda: 1\n"
        f"print(runtime.open_session(Path({str(exported.onnx)!r})).get_providers()[-1])"
    )
    assert python(code) == "CPUExecutionProvider"


@pytest.mark.parametrize("content", [b"", b"hello\n" * 100])
def test_no_onnx_file(tmp_path: Path, content: bytes) -> None:
    from xec_export.prediction.runtime import open_session

    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"model\.onnx: not an ONNX file"):
        open_session(path)
