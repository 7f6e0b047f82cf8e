"""Sums over the edges of a graph, in a form that ONNX Runtime adds up row by row.

torch exports message passing over a static graph as `ScatterElements` with one index per number. All
indices of a row are equal there, so that `ScatterND` with one index per row gives the same sums; the
network of encoder_dim 256 then runs 1.2 times (4 events) to 1.9 times (16 events) as fast on a CPU, one of
1024 1.1 to 1.2 times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

_SUFFIX = "_rows"


def sum_by_rows(model: onnx.ModelProto) -> int:
    """Replace every `ScatterElements` that adds whole rows by `ScatterND`.

    Parameters
    ----------
    model
        Changed in place. Sums with other indices than constant ones, equal within a row, stay.

    Returns
    -------
    int
        How many were replaced.
    """
    import onnx

    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    replaced = 0
    for i, node in enumerate(graph.node):
        rows = _constant_rows(node, producers, constants)
        if rows is None:
            continue
        indices = onnx.numpy_helper.from_array(rows[:, None], node.name + _SUFFIX)
        graph.initializer.append(indices)
        start, _, added = node.input
        graph.node[i].CopyFrom(
            onnx.helper.make_node(
                "ScatterND", [start, indices.name, added], list(node.output), node.name, reduction="add"
            )
        )
        replaced += 1
    if replaced:
        _drop_unused(graph)
    return replaced


def _constant_rows(
    node: onnx.NodeProto, producers: dict[str, onnx.NodeProto], constants: dict[str, onnx.TensorProto]
) -> NDArray[np.int64] | None:
    """Give the row that each row of the summands is added to, if that is how the node adds."""
    import onnx

    if node.op_type != "ScatterElements":
        return None
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    if attributes.get("axis", 0) != 0 or attributes.get("reduction") != b"add":
        return None
    expand = producers.get(node.input[1])
    if expand is None or expand.op_type != "Expand" or expand.input[0] not in constants:
        return None
    indices = onnx.numpy_helper.to_array(constants[expand.input[0]])
    # Expanded from length 1 along every other axis: the same index for the whole row.
    return indices.reshape(-1) if indices.shape == (len(indices), *(1,) * (indices.ndim - 1)) else None


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and constants that nothing reads any more."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    nodes, constants = kept[::-1], [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
