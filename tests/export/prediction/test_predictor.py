"""An ONNX file, its checkpoint and the network itself answer alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from xec_export import ExportError, OnnxPredictor, Predictor, TorchPredictor, open_predictor
from xec_geometry import N_SENSORS

Arrays = dict[str, np.ndarray[Any, Any]]

# float32 keeps seven digits of angles near 90° and of times near 100 ns.
RTOL, ATOL = 1e-4, {"angle": 1e-3, "uvwFI": 1e-3, "uvwFI_sigma": 1e-3}


@pytest.fixture(scope="module")
def readings(make_events: Callable[..., Arrays]) -> tuple[Any, Any]:
    events = make_events(21, seed=5)
    return events["npho"], events["relative_time"]


@pytest.fixture(params=["onnx", "checkpoint"])
def predictor(request: pytest.FixtureRequest, exported: Any) -> Predictor:
    return open_predictor(getattr(exported, request.param), batch_size=8)


def test_the_kind_of_file_decides(exported: Any) -> None:
    assert isinstance(open_predictor(exported.onnx), OnnxPredictor)
    assert isinstance(open_predictor(str(exported.checkpoint)), TorchPredictor)


def test_predictions_are_those_of_the_network(
    predictor: Predictor, exported: Any, readings: tuple[Any, Any]
) -> None:
    found = predictor.predict(*readings)
    with torch.inference_mode():
        expected = exported.network(*map(torch.from_numpy, readings))
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values.numpy(), rtol=RTOL, atol=ATOL.get(name, 1e-6))


def test_events_are_independent_of_their_batch(
    predictor: Predictor, exported: Any, readings: tuple[Any, Any]
) -> None:
    together = predictor.predict(*readings)
    single = open_predictor(exported.onnx, batch_size=1).predict(*readings)
    for name, values in together.items():
        np.testing.assert_allclose(single[name], values, rtol=RTOL, atol=ATOL.get(name, 1e-6))


def test_one_event_without_a_batch_axis(predictor: Predictor, readings: tuple[Any, Any]) -> None:
    npho, time = readings
    assert predictor.predict(npho[0], time[0])["angle"].shape == (1, 2)


def test_no_events(predictor: Predictor, readings: tuple[Any, Any]) -> None:
    npho, time = readings
    assert predictor.predict(npho[:0], time[:0])["uvwFI"].shape == (0, 3)


def test_arrays_of_other_types_and_read_only_ones(predictor: Predictor, readings: tuple[Any, Any]) -> None:
    expected = predictor.predict(*readings)["angle"]
    npho, time = (values.astype(np.float64) for values in readings)
    npho[npho > 9e9] = 1e300
    npho.flags.writeable = False
    np.testing.assert_array_equal(predictor.predict(npho, time.tolist())["angle"], expected)


def test_what_a_predictor_says_of_itself(predictor: Predictor) -> None:
    description = predictor.description
    assert description.tasks == ("angle", "energy", "timing", "uvwFI", "angleVec", "n_gamma")
    assert (description.npho_branch, description.time_branch) == ("npho", "relative_time")
    assert predictor.batch_size == 8
    assert predictor.device in ("cpu", "cuda")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, N_SENSORS - 1), (2, N_SENSORS)), f"npho has shape \\(2, {N_SENSORS - 1}\\)"),
        (((2, N_SENSORS), (2, 3, N_SENSORS)), "time has shape"),
        (((2, N_SENSORS), (3, N_SENSORS)), "npho has 2 events and time 3"),
    ],
)
def test_arrays_of_the_wrong_shape(
    predictor: Predictor, shapes: tuple[tuple[int, ...], tuple[int, ...]], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        predictor.predict(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_foreign_graphs_are_refused(exported: Any, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ExportError, match=r"foreign\.onnx: an ONNX file without the metadata of xec"):
        open_predictor(tmp_path / "foreign.onnx")


def test_another_geometry_is_refused(exported: Any, tmp_path: Path) -> None:
    model = onnx.load(exported.onnx)
    for item in model.metadata_props:
        if item.key == "geometry_hash":
            item.value = "f" * len(item.value)
    onnx.save(model, tmp_path / "moved.onnx")
    with pytest.raises(ExportError, match=r"moved\.onnx: made for another geometry .*ffff"):
        open_predictor(tmp_path / "moved.onnx")


def test_truncated_graphs_are_refused(exported: Any, tmp_path: Path) -> None:
    content = exported.onnx.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ExportError, match=r"cut\.onnx: not an ONNX file that can be run, or a truncated one"):
        open_predictor(tmp_path / "cut.onnx")


def test_a_graph_that_fails_on_some_events_says_so(exported: Any, readings: tuple[Any, Any]) -> None:
    predictor = OnnxPredictor(exported.onnx)

    class Broken:
        def run(self, *_: object) -> None:
            raise RuntimeError("invalid expand shape\nmore")

    predictor._graph._session = Broken()
    with pytest.raises(ExportError, match=r"cannot run the graph for 16 events: invalid expand shape more"):
        predictor.predict(*readings)


def test_a_folder_hints_at_what_is_in_it(exported: Any) -> None:
    with pytest.raises(ExportError, match=r"is a folder; expected .* such as .*all_tasks\.onnx"):
        open_predictor(exported.onnx.parent)


def test_a_mistyped_name_is_corrected(exported: Any) -> None:
    with pytest.raises(ExportError, match=r"no such file: .*did you mean 'all_tasks\.onnx'"):
        open_predictor(exported.onnx.with_name("all_task.onnx"))


def changed(exported: Any, path: Path, change: Any) -> Path:
    import onnx

    model = onnx.load(exported.onnx)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def test_an_output_of_another_type_is_refused(
    exported: Any, tmp_path: Path, readings: tuple[Any, Any]
) -> None:
    from onnx import TensorProto, helper

    def as_integers(model: Any) -> None:
        (node,) = (node for node in model.graph.node if "energy" in node.output)
        node.output[list(node.output).index("energy")] = "energy_before"
        for other in model.graph.node:
            for number, name in enumerate(other.input):
                if name == "energy":
                    other.input[number] = "energy_before"
        model.graph.node.append(helper.make_node("Cast", ["energy_before"], ["energy"], to=TensorProto.INT64))
        (output,) = (output for output in model.graph.output if output.name == "energy")
        output.type.tensor_type.elem_type = TensorProto.INT64

    path = changed(exported, tmp_path / "integers.onnx", as_integers)
    with pytest.raises(ExportError, match="the output 'energy' of the graph holds int64, expected float32"):
        open_predictor(path).predict(*readings)


def test_metadata_that_are_no_text_are_refused(exported: Any, tmp_path: Path) -> None:
    content = exported.onnx.read_bytes()
    start = content.index(b"relative_time", content.index(b"time_branch"))
    path = tmp_path / "bytes.onnx"
    path.write_bytes(content[:start] + b"\xff" + content[start + 1 :])
    with pytest.raises(ExportError, match=r"bytes\.onnx: its metadata are no text"):
        open_predictor(path)
