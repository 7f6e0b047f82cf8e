"""The programs in C++, and what Python gave."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.export.cpp.building import build_programs, missing, run
from tests.once import once

from xec_export import open_predictor, predict_files


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs; see `build_programs`."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    return once(tmp_path_factory, "cpp", build_programs) / "build"


@pytest.fixture(scope="session")
def dump(exported: Any, event_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Python gives with one thread, as in C++."""
    folder = tmp_path_factory.mktemp("dump")
    predictor = open_predictor(exported.onnx, threads=1)
    predict_files(predictor, [event_file], folder / "out.root", dump=folder / "events.xec")
    return folder / "events.xec"


@pytest.fixture(scope="session")
def validate(build: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run(build / "xec" / "xec-validate", *arguments)

    return call
