"""The C++ library compiles, gives what Python gives, and says in one line what is wrong with a file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from tests.export.cpp.building import CPP, WARNINGS, header_folder, one_line, run

from xec_export import open_predictor
from xec_geometry import N_SENSORS

pytestmark = pytest.mark.slow


def edited(dump: Path, path: Path, old: bytes, new: bytes) -> Path:
    content = dump.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


def with_metadata(graph: Path, path: Path, key: str, value: str | None) -> Path:
    model = onnx.load(graph)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert key in properties
    del model.metadata_props[:]
    properties = {k: v for k, v in properties.items() if k != key} | ({key: value} if value else {})
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, path)
    return path


def test_predictions_are_those_of_python_whoever_asks(validate: Any, exported: Any, dump: Path) -> None:
    result = validate(exported.onnx, dump, "--callers", "4")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert "64 events, regressor all_tasks, ONNX Runtime 1." in lines[0]
    numbers = [line.split() for line in lines[2:-2]]
    assert ["angle", "theta", "deg"] in [[words[0], words[1], words[3]] for words in numbers]
    assert ["uvwFI_sigma", "sigma_w", "cm"] in [[words[0], words[1], words[3]] for words in numbers]
    assert len(numbers) == 21
    assert lines[-2] == "all equal to the last bit"
    assert lines[-1] == "4 threads sharing the network: the same bits"


def test_other_batches_and_threads_change_nothing_that_matters(
    validate: Any, exported: Any, dump: Path
) -> None:
    result = validate(exported.onnx, dump, "--batch", "3", "--threads", "2", "--seconds", "0.01")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "latency 64 events: median" in result.stdout


def test_another_prediction_is_told(validate: Any, exported: Any, dump: Path, tmp_path: Path) -> None:
    content = dump.read_bytes()
    # The last number of the last event is a probability.
    last = np.frombuffer(content[-4:], "<f4")
    (tmp_path / "other.xec").write_bytes(content[:-4] + (last + np.float32(0.01)).astype("<f4").tobytes())
    result = validate(exported.onnx, tmp_path / "other.xec")
    assert result.returncode == 1
    assert [line.split()[1] for line in result.stdout.splitlines() if line.endswith("too large")] == [
        "n_gamma_4"
    ]
    assert result.stdout.endswith("the predictions differ by more than 0.0001 of their scale\n")
    assert validate(exported.onnx, tmp_path / "other.xec", "--tolerance", "0.02").returncode == 0


def test_a_gap_in_one_of_both_is_told(validate: Any, exported: Any, dump: Path, tmp_path: Path) -> None:
    content = dump.read_bytes()
    (tmp_path / "gap.xec").write_bytes(content[:-4] + np.array([np.nan], "<f4").tobytes())
    result = validate(exported.onnx, tmp_path / "gap.xec", "--tolerance", "1000")
    assert result.returncode == 1
    assert "inf" in result.stdout


def test_another_weight_is_told(validate: Any, exported: Any, dump: Path, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    weights = [
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and "heads" in tensor.name and len(tensor.dims) == 1
    ]
    values = numpy_helper.to_array(weights[-1]).copy()
    # One number: probabilities do not notice the same change of all classes.
    values[0] += 0.5
    weights[-1].CopyFrom(numpy_helper.from_array(values, weights[-1].name))
    onnx.save(model, tmp_path / "other.onnx")
    result = validate(tmp_path / "other.onnx", dump)
    assert result.returncode == 1
    assert "too large" in result.stdout


def test_another_geometry_is_refused(validate: Any, exported: Any, dump: Path, tmp_path: Path) -> None:
    found = re.search(rb"geometry_hash (\w{12})", dump.read_bytes())
    assert found is not None
    path = edited(dump, tmp_path / "other.xec", found[1], b"0123456789ab")
    message = one_line(validate(exported.onnx, path))
    assert f"hash {found[1].decode()}, expected 0123456789ab" in message
    assert "made for another geometry (layout 'physical'" in message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("npho_unit", "relative", "the metadata's key 'npho_unit' is 'relative', expected photons"),
        ("time_unit", "ns", "the metadata's key 'time_unit' is 'ns', expected s"),
        ("xec_format_version", "2", "'xec_format_version' is '2', expected 1"),
        ("xec_format_version", None, "no metadata of xec (key 'xec_format_version')"),
        ("outputs", '[{"name": "angle"', "the metadata's key 'outputs': no JSON at character"),
        ("outputs", None, "the metadata lack the key 'outputs'"),
        (
            "outputs",
            '[{"name": "angle", "columns": ["x"], "unit": "", "shape": [999999, 999999]}]',
            "outputs with some numbers for each of their columns",
        ),
        (
            "inputs",
            '["time", "npho"]',
            "the metadata's key 'inputs' is '[\"time\", \"npho\"]', expected npho and",
        ),
        ("inputs", '["npho", "time", "dead"]', "the network cannot be run for 1 events: "),
        ("n_sensors", "4000", "the network cannot be run for 1 events: "),
    ],
)
def test_other_metadata_are_refused(
    validate: Any, exported: Any, dump: Path, tmp_path: Path, key: str, value: str | None, expected: str
) -> None:
    path = with_metadata(exported.onnx, tmp_path / "other.onnx", key, value)
    assert f"{path}: " in (message := one_line(validate(path, dump)))
    assert expected in message


def test_other_files_are_refused(
    validate: Any, exported: Any, event_file: Path, dump: Path, tmp_path: Path
) -> None:
    whole = dump.read_bytes()
    for name, content in {"cut": whole[:-5], "long": whole + b"1234", "head": whole[:100]}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "empty").touch()
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "cut.onnx").write_bytes(exported.onnx.read_bytes()[:-1000])
    for model, events, expected in (
        (exported.onnx, tmp_path / "cut", "truncated or damaged: "),
        (exported.onnx, tmp_path / "long", "truncated or damaged: "),
        (exported.onnx, tmp_path / "head", "truncated: the header has no end"),
        (exported.onnx, tmp_path / "empty", "no file of `xec predict --dump-inputs`"),
        (exported.onnx, tmp_path / "none", "missing, or no file of"),
        (exported.onnx, event_file, "no file of `xec predict --dump-inputs`"),
        (tmp_path / "cut.onnx", dump, "cannot be opened; expected a file written by `xec export`"),
        (tmp_path / "none.onnx", dump, "missing, empty, or not to be read"),
        (tmp_path / "folder.onnx", dump, "missing, empty, or not to be read"),
        (event_file, dump, "expected a name that ends in .onnx or .pt2"),
    ):
        assert expected in one_line(validate(model, events))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"sensors 4760", b"sensors 4759", "truncated or damaged: "),
        (b"events 64", b"events 0", "no events, or of impossible ones"),
        (b"events 64", b"events -1", "truncated or damaged: "),
        (b"events 64", b"evnts 64", "a line 'evnts 64' that cannot be read"),
        (b"output angle 2", b"output angel 2", "predictions of another network, 'all_tasks': other outputs"),
        (b"input time", b"input dead", "predictions of another network, 'all_tasks': other inputs"),
        (b"input time\n", b"", "truncated or damaged: "),
        (
            b"mirror_average 0",
            b"mirror_average 1",
            "reflected events, those of the network are not",
        ),
    ],
)
def test_other_headers_are_refused(
    validate: Any, exported: Any, dump: Path, tmp_path: Path, old: bytes, new: bytes, expected: str
) -> None:
    assert expected in one_line(validate(exported.onnx, edited(dump, tmp_path / "other.xec", old, new)))


@pytest.fixture(scope="module")
def outputs_of(
    build: Path, exported: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[str]]:
    """The lines that a program prints beside a file model.onnx."""

    def lines(name: str) -> list[str]:
        folder = tmp_path_factory.mktemp(name)
        shutil.copy(exported.onnx, folder / "model.onnx")
        result = run(build / name, cwd=folder)
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines()

    return lines


def test_the_program_of_the_readme_of_the_package(outputs_of: Any, exported: Any) -> None:
    expected = open_predictor(exported.onnx).predict(np.full(N_SENSORS, 300.0), np.full(N_SENSORS, 1e-8))
    lines = outputs_of("export_readme")
    assert len(lines) == 2
    for line in lines:
        found = re.fullmatch(r"theta (\S+) deg, phi (\S+) deg, u (\S+) cm", line)
        assert found is not None
        numbers = [*expected["angle"][0], expected["uvwFI"][0, 0]]
        np.testing.assert_allclose([float(text) for text in found.groups()], numbers, atol=0.006)


def test_the_event_loop_of_the_readme_gives_times_since_the_earliest(outputs_of: Any, exported: Any) -> None:
    npho, time = np.full((2, N_SENSORS), 1e10)
    npho[[42, 43]], time[[42, 43]] = [1200, 800], [0, 1e-8]
    expected = open_predictor(exported.onnx).predict(npho, time)["uvwFI"][0]
    (line,) = outputs_of("cpp_readme")
    found = re.fullmatch(r"u (\S+) cm, v (\S+) cm, w (\S+) cm", line)
    assert found is not None
    np.testing.assert_allclose([float(text) for text in found.groups()], expected, atol=0.0006)


def test_what_the_library_refuses_and_another_back_end(outputs_of: Any) -> None:
    lines = outputs_of("checks")
    assert lines[0].startswith(
        "output: model.onnx: the network has no output 'angel'; it has angle, angle_sigma"
    )
    different = "the inputs have different or incomplete numbers of readings"
    assert lines[1] == f"lengths: {different}: npho 4760, time 4759; expected 4760 an event of each"
    assert lines[2] == f"sensors: {different}: npho 4759, time 4759; expected 4760 an event of each"
    assert lines[3].startswith("column: out of range, ")
    assert lines[4].startswith("event: out of range, ")
    assert lines[5].startswith("none: out of range, ")
    assert lines[6] == "threads: threads is -1, expected 0 or more"
    assert lines[7] == "flags: model.onnx: got 3 inputs; the network takes npho, time"
    assert lines[8].startswith("ending: model.root: expected a name that ends in .onnx or .pt2")
    assert lines[9].startswith("hash: model.onnx: made for another geometry")
    assert lines[10] == "flags: sum: got 2 inputs; the network takes npho, time, dead"
    assert lines[11] == "library: sums"
    assert lines[12] == "column: 'θ\t' in µs, 0.0015"
    # Batches of 8 are batches of 2 where the graph makes four events of each. A sensor of the last is dead.
    assert lines[13:16] == ["sum: 6 of 2 events", "sum: 15 of 2 events", "sum: 15 of 1 events"]
    assert lines[16:] == ["time: 2", "time: 1e+10", "time: 0", "time: nan", "time: -inf", "time: 1"]


@pytest.mark.usefixtures("build")
def test_clang_has_no_complaint() -> None:
    if shutil.which("clang++") is None:
        pytest.skip("no clang++ to compile the library with, too")
    options = ["-fsyntax-only", *WARNINGS, "-isystem", str(header_folder())]
    options += ["-I", str(CPP / "library")]
    includes = Path(next(iter(torch.__path__))) / "include"
    with_torch = CPP / "library" / "torch_backend.cpp"
    others = [path for path in sorted(CPP.glob("*/*.cpp")) if path != with_torch]
    system = ["-isystem", includes, "-isystem", includes / "torch/csrc/api/include"]
    for arguments in (["-std=c++17", *others], ["-std=c++20", *system, with_torch]):
        result = run("clang++", *options, *arguments)
        assert result.returncode == 0, result.stderr
