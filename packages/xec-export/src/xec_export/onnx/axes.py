"""Reductions over axes counted from the front, so that a graph gives nothing for no events.

ONNX Runtime returns a tensor without elements as it came, without reducing it, where an axis is counted from
the end; the next operation then finds shapes that do not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_REDUCTIONS = "Reduce"


def count_axes_from_front(model: onnx.ModelProto) -> None:
    """Replace negative axes of reductions in a graph, in place; its numbers stay the same."""
    import onnx

    graph = model.graph
    ranks = {
        info.name: len(info.type.tensor_type.shape.dim)
        for info in (*graph.value_info, *graph.input, *graph.output)
    }
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        if not node.op_type.startswith(_REDUCTIONS) or len(node.input) < 2:
            continue
        tensor, rank = constants.get(node.input[1]), ranks.get(node.input[0])
        if tensor is None or rank is None:
            continue
        axes = onnx.numpy_helper.to_array(tensor)
        if (axes >= 0).all():
            continue
        name = f"axes_{number}"
        graph.initializer.append(onnx.numpy_helper.from_array(np.where(axes < 0, axes + rank, axes), name))
        node.input[1] = name
    drop_unused_constants(model)


def drop_unused_constants(model: onnx.ModelProto) -> None:
    """Remove the constants of a graph that none of its operations takes, in place."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input} | {info.name for info in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
