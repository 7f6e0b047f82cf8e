"""Inpainters, autoencoders and encoders give in C++ what they give in Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.export.cpp.building import one_line, run

from xec_data.dead_channels.sources import open_dead_channels
from xec_export.inpainting.files import inpaint_files
from xec_export.inpainting.network import InpaintingNetwork
from xec_export.onnx.export import ExportReport
from xec_export.prediction.graph import OnnxGraph
from xec_export.prediction.input_dump import open_input_dump
from xec_geometry import N_SENSORS, index_map

pytestmark = pytest.mark.slow

DEAD = [0, 17, 4000, 4100, 4759]


@pytest.fixture
def dump_of_inpainter(inpainter: Path, event_file: Path, tmp_path: Path) -> Path:
    """What the inpainter gives for some events with dead sensors, with one thread."""
    network = InpaintingNetwork(inpainter / "net.onnx", threads=1)
    (tmp_path / "dead.txt").write_text("\n".join(map(str, DEAD)))
    inpaint_files(
        network,
        [event_file],
        tmp_path / "recovered.root",
        dead=[open_dead_channels(str(tmp_path / "dead.txt"))],
        dump=tmp_path / "events.xec",
        dump_events=20,
    )
    return tmp_path / "events.xec"


def test_an_inpainter_recovers_what_python_recovers(
    validate: Any, inpainter: Path, dump_of_inpainter: Path
) -> None:
    result = validate(inpainter / "net.onnx", dump_of_inpainter, "--callers", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert "20 events, inpainter net, ONNX Runtime 1." in lines[0]
    numbers = [line.split()[:2] + line.split()[3:4] for line in lines[2:4]]
    assert numbers == [["npho_inpainted", "npho", "photons"], ["time_inpainted", "time", "s"]]
    assert lines[4:] == ["all equal to the last bit", "2 threads sharing the network: the same bits"]


def test_the_event_loop_of_the_readme_recovers(inpainter: Path, build: Path, tmp_path: Path) -> None:
    npho, time = np.full((1, N_SENSORS), 300.0), np.full((1, N_SENSORS), 1e-8)
    sensors = [17, 18, 4100]
    dead = np.isin(np.arange(N_SENSORS), [17, 4100])[None]
    expected = InpaintingNetwork(inpainter / "net.onnx", threads=1).recover(npho, time, dead)["npho"][0]
    shutil.copy(inpainter / "net.onnx", tmp_path / "inpainter.onnx")
    result = run(build / "cpp_readme_inpainter", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = re.findall(r"sensor (\d+), row (\d+), column (\d+): (\S+) photons", result.stdout)
    assert [int(row[0]) for row in found] == sensors
    np.testing.assert_allclose([float(row[3]) for row in found], expected[sensors], atol=0.006)
    inner = index_map("inner")
    assert [inner[int(row[1]), int(row[2])] for row in found[:2]] == sensors[:2]


def test_another_recovered_reading_is_told(
    validate: Any, inpainter: Path, dump_of_inpainter: Path, tmp_path: Path
) -> None:
    content = bytearray(dump_of_inpainter.read_bytes())
    # The photons of the last event stand before its times.
    place = len(content) - 4 * (2 * N_SENSORS - DEAD[1])
    (before,) = np.frombuffer(content[place : place + 4], "<f4")
    content[place : place + 4] = np.array([before * 1.1 + 1000], "<f4").tobytes()
    (tmp_path / "other.xec").write_bytes(content)
    result = validate(inpainter / "net.onnx", tmp_path / "other.xec")
    assert result.returncode == 1
    assert [line.split()[1] for line in result.stdout.splitlines() if line.endswith("too large")] == ["npho"]


def test_a_network_of_another_kind_is_told(
    validate: Any, inpainter: Path, exported: Any, dump: Path, dump_of_inpainter: Path
) -> None:
    for model, events in ((inpainter / "net.onnx", dump), (exported.onnx, dump_of_inpainter)):
        assert "predictions of another network" in one_line(validate(model, events))


@pytest.mark.parametrize(
    ("form", "example"), [("mae", "pooled"), ("encoder", "of an autoencoder")], ids=["autoencoder", "encoder"]
)
def test_networks_of_other_kinds(
    validate: Any,
    export_example: Callable[[str, str], ExportReport],
    make_events: Callable[..., Any],
    tmp_path: Path,
    form: str,
    example: str,
) -> None:
    path = export_example(form, example).onnx
    graph = OnnxGraph(path, threads=1)
    events = make_events(5)
    flags = (np.arange(N_SENSORS) % 3 == 0)[None].repeat(5, 0).astype(np.float32)
    inputs = [events["npho"], events["relative_time"], flags][: len(graph.description.inputs)]
    with open_input_dump(tmp_path / "events.xec", graph.description, 5) as file:
        file.add(inputs, graph(*inputs))
    result = validate(path, tmp_path / "events.xec")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "all equal to the last bit"
    assert len(result.stdout.splitlines()) == 3 + sum(len(o.columns) for o in graph.description.outputs)
