"""A package for libtorch runs in C++, behind the same checks as a graph."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.cpp.building import one_line

from xec_export import open_predictor
from xec_export.formats.pt2 import read_metadata
from xec_export.onnx.description import ModelDescription
from xec_export.prediction.input_dump import open_input_dump

pytestmark = pytest.mark.slow

N_EVENTS = 20


@pytest.fixture
def events(compiled: Path, make_events: Callable[..., Any], tmp_path: Path) -> Path:
    """What the network of the package gives with torch."""
    predictor = open_predictor(compiled / "net.pth")
    readings = make_events(N_EVENTS)
    inputs = [readings["npho"], readings["relative_time"]]
    with open_input_dump(tmp_path / "events.xec", predictor.description, N_EVENTS) as file:
        file.add(inputs, predictor.predict(*inputs))
    return tmp_path / "events.xec"


def test_predictions_are_those_of_torch_whoever_asks(validate: Any, compiled: Path, events: Path) -> None:
    result = validate(compiled / "net.pt2", events, "--callers", "3", "--batch", "8")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert re.search(r"20 events, regressor net, libtorch 2\.\d+", lines[0])
    assert [line.split()[:2] for line in lines[2:4]] == [
        ["energy", "energy"],
        ["energy_sigma", "sigma_energy"],
    ]
    assert lines[4] in ("all within the tolerance", "all equal to the last bit")
    assert lines[5] == "3 threads sharing the network: the same bits"


def test_another_prediction_is_told(validate: Any, compiled: Path, events: Path, tmp_path: Path) -> None:
    content = events.read_bytes()
    last = np.frombuffer(content[-4:], "<f4")
    (tmp_path / "other.xec").write_bytes(content[:-4] + (last * np.float32(1.1)).astype("<f4").tobytes())
    result = validate(compiled / "net.pt2", tmp_path / "other.xec")
    assert result.returncode == 1
    assert [line.split()[1] for line in result.stdout.splitlines() if line.endswith("too large")] == [
        "sigma_energy"
    ]


def test_files_that_are_no_package_are_refused(
    validate: Any, compiled: Path, events: Path, tmp_path: Path
) -> None:
    package = (compiled / "net.pt2").read_bytes()
    for name, content in {"cut": package[:-1000], "other": b"something else"}.items():
        (tmp_path / f"{name}.pt2").write_bytes(content)
        message = one_line(validate(tmp_path / f"{name}.pt2", events))
        assert "cannot be opened; expected a file written by `xec export` (libtorch says: " in message
        assert "frame #" not in message


def test_no_code_of_another_geometry_runs(
    validate: Any, compiled: Path, events: Path, tmp_path: Path
) -> None:
    description = ModelDescription.from_metadata(read_metadata(compiled / "net.pt2"), compiled / "net.pt2")
    content = events.read_bytes()
    assert description.geometry_hash.encode() in content
    (tmp_path / "other.xec").write_bytes(content.replace(description.geometry_hash.encode(), b"0123456789ab"))
    # Without its code the package can still be asked what it is.
    with zipfile.ZipFile(compiled / "net.pt2") as whole, zipfile.ZipFile(tmp_path / "net.pt2", "w") as left:
        for name in whole.namelist():
            if name.endswith((".cpp", "_metadata.json")):
                left.writestr(name, whole.read(name))
    assert "made for another geometry" in one_line(validate(tmp_path / "net.pt2", tmp_path / "other.xec"))
    assert "cannot be loaded: " in one_line(validate(tmp_path / "net.pt2", events))
