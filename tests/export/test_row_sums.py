"""Sums over edges are the same row by row as number by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xec_export.row_sums import sum_by_rows
from xec_export.runtime import open_session

ROWS, EDGES, WIDTH = 5, 9, 4
TARGETS = np.array([0, 3, 3, 1, 0, 4, 4, 4, 1])


def scatter_graph(indices: Any, axis: int = 0, reduction: str = "add") -> onnx.ModelProto:
    """Zeros (rows, batch, width) to which ``x`` (edges, batch, width) is added at expanded indices."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], "shape"),
        helper.make_node("Slice", ["shape", "one", "three"], ["tail"], "tail"),
        helper.make_node("Concat", ["rows", "tail"], ["whole"], "whole", axis=0),
        helper.make_node("ConstantOfShape", ["whole"], ["start"], "start"),
        helper.make_node("Expand", ["indices", "shape"], ["expanded"], "expand"),
        helper.make_node(
            "ScatterElements", ["start", "expanded", "x"], ["y"], "sum", axis=axis, reduction=reduction
        ),
    ]
    constants = {"indices": indices, "one": np.array([1]), "three": np.array([3]), "rows": np.array([ROWS])}
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [EDGES, "batch", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [ROWS, "batch", WIDTH])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: onnx.ModelProto, x: Any, path: Path) -> Any:
    onnx.save(model, path)
    return open_session(path, threads=1).run(None, {"x": x})[0]


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_sums_are_the_same(tmp_path: Path, batch: int) -> None:
    x = np.random.default_rng(0).normal(size=(EDGES, batch, WIDTH)).astype(np.float32)
    expected = np.zeros((ROWS, batch, WIDTH))
    np.add.at(expected, TARGETS, x.astype(float))
    model = scatter_graph(TARGETS[:, None, None])
    np.testing.assert_allclose(run(model, x, tmp_path / "before.onnx"), expected, rtol=1e-5, atol=1e-6)
    assert sum_by_rows(model) == 1
    assert "ScatterElements" not in {node.op_type for node in model.graph.node}
    np.testing.assert_allclose(run(model, x, tmp_path / "after.onnx"), expected, rtol=1e-5, atol=1e-6)


def test_nothing_unused_is_left() -> None:
    model = scatter_graph(TARGETS[:, None, None])
    sum_by_rows(model)
    onnx.checker.check_model(model, full_check=True)
    assert "Expand" not in {node.op_type for node in model.graph.node}
    assert "indices" not in {tensor.name for tensor in model.graph.initializer}


@pytest.mark.parametrize(
    "other",
    [
        {"indices": np.resize(TARGETS, (EDGES, 1, WIDTH))},
        {"indices": TARGETS[:, None, None], "reduction": "max"},
        {"indices": np.arange(WIDTH)[None, None, :], "axis": 2},
    ],
    ids=["indices differ within a row", "no sum", "along another axis"],
)
def test_other_scatters_stay(other: dict[str, Any]) -> None:
    model = scatter_graph(**other)
    before = model.SerializeToString()
    assert sum_by_rows(model) == 0
    assert model.SerializeToString() == before


def test_the_network_is_exported_that_way(exported: Any) -> None:
    operators = [node.op_type for node in onnx.load(exported.onnx).graph.node]
    assert "ScatterND" in operators
    assert "ScatterElements" not in operators
