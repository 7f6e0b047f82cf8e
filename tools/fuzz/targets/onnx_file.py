"""ONNX files: other bytes, other metadata, other graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from onnx import TensorProto, helper
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import ODD_TEXT, mutated_bytes, mutated_values

from xec_export.onnx.description import ModelDescription, OutputDescription
from xec_export.prediction.predictor import open_predictor
from xec_geometry import N_SENSORS, geometry_hash

_FILE = "network.onnx"
_GRAPH = "graph"
_OPERATORS = (
    "Loop",
    "Scan",
    "If",
    "Add",
    "Mul",
    "Cast",
    "Shape",
    "Identity",
    "Transpose",
    "Squeeze",
    "Nothing",
)
_TYPES = (TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL, 999)


class OnnxTarget:
    """`open_predictor` and `predict`."""

    def __init__(self, folder: Path) -> None:
        del folder
        self._npho = np.arange(3 * N_SENSORS, dtype=np.float32).reshape(3, N_SENSORS)
        self._time = self._npho * np.float32(1e-9)
        self._expected = {"energy": self._npho.mean(1, keepdims=True), "angle": _two(self._npho, self._time)}
        self._model = _network()
        self._metadata = {item.key: item.value for item in self._model.metadata_props}

    def examples(self) -> SearchStrategy[Example]:
        """Return changed files; the word tells whether the graph is the old one."""
        return st.one_of(
            mutated_bytes(self._model.SerializeToString()).map(lambda new: Example({_FILE: new})),
            _mutated_graph(self._model).map(lambda new: Example({_FILE: new})),
            self._other_metadata().map(lambda new: Example({_FILE: self._with(new)}, (_GRAPH,))),
        )

    def read(self, folder: Path, example: Example) -> None:
        """Predict: outputs have the shapes of the description, and the old graph's values."""
        predictor = open_predictor(folder / _FILE, threads=1)
        found = predictor.predict(self._npho, self._time)
        for output in predictor.description.outputs:
            shape = found[output.name].shape
            require(shape == (3, len(output.columns)), f"{output.name} has the shape {shape}")
        if example.words == (_GRAPH,) and set(predictor.description.inputs) == {"npho", "time"}:
            swapped = predictor.description.inputs == ("time", "npho")
            for name, values in found.items():
                expected = self._expected[name]
                require(swapped or np.allclose(values, expected, rtol=1e-5), f"{name} has other values")

    def _other_metadata(self) -> SearchStrategy[dict[str, str]]:
        plain = {key: _parsed(value) for key, value in self._metadata.items()}
        texts = st.dictionaries(
            st.sampled_from(sorted(self._metadata)), st.sampled_from((*ODD_TEXT, "[" * 2000)), max_size=2
        )
        return st.one_of(
            mutated_values(plain).map(
                lambda values: {
                    str(key): value if isinstance(value, str) else json.dumps(value)
                    for key, value in values.items()
                }
            ),
            texts.map(lambda changes: {**self._metadata, **changes}),
        )

    def _with(self, metadata: dict[str, str]) -> bytes:
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        del model.metadata_props[:]
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        return model.SerializeToString()


def _network() -> Any:
    readings = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", N_SENSORS]) for name in ("npho", "time")
    ]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("energy", 1), ("angle", 2))
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("ReduceMean", ["npho", "axis"], ["energy"], keepdims=1),
        helper.make_node("ReduceMax", ["time", "axis"], ["latest"], keepdims=1),
        helper.make_node("Concat", ["energy", "latest"], ["angle"], axis=1),
    ]
    graph = helper.make_graph(nodes, "network", readings, results, [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    description = ModelDescription(
        kind="regressor",
        name="run",
        outputs=(
            OutputDescription("energy", "energy", ("energy",), "GeV", (0.01,), "energy"),
            OutputDescription("angle", "angle", ("theta", "phi"), "deg", (10.0, 20.0), "angles"),
        ),
        npho_branch="npho",
        time_branch="relative_time",
        n_sensors=N_SENSORS,
        layout="physical",
        geometry_hash=geometry_hash("physical"),
        normalization={"npho_scheme": "log1p"},
        versions={"torch": "2.13.0"},
        epoch=3,
    )
    for key, value in description.to_metadata().items():
        model.metadata_props.add(key=key, value=value)
    return model


def _two(npho: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.stack([npho.mean(1), time.max(1)], axis=1)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@st.composite
def _mutated_graph(draw: DrawFn, seed: Any) -> bytes:
    """Change nodes, inputs, outputs and constants of a graph."""
    model = onnx.ModelProto()
    model.CopyFrom(seed)
    graph = model.graph
    names = ("npho", "time", "energy", "angle", "axis", "latest", "", "x")
    for _ in range(draw(st.integers(1, 3))):
        node = draw(st.sampled_from(list(graph.node)))
        value = draw(st.sampled_from([*graph.input, *graph.output]))
        match draw(st.integers(0, 7)):
            case 0:
                node.op_type = draw(st.sampled_from(_OPERATORS))
            case 1 if node.input:
                node.input[draw(st.integers(0, len(node.input) - 1))] = draw(st.sampled_from(names))
            case 2:
                value.type.tensor_type.elem_type = draw(st.sampled_from(_TYPES))
            case 3:
                value.type.tensor_type.shape.dim[1].dim_value = draw(st.sampled_from((0, -1, 2, 4759, 2**40)))
            case 4:
                value.name = draw(st.sampled_from(names))
            case 5:
                graph.initializer[0].int64_data[0] = draw(st.sampled_from((0, -1, 2, 99)))
            case 6:
                graph.initializer[0].data_location = TensorProto.EXTERNAL
                graph.initializer[0].external_data.add(
                    key="location", value=draw(st.sampled_from(("/etc/passwd", "x")))
                )
            case _:
                graph.node.add().CopyFrom(node)
    return bytes(model.SerializeToString())
