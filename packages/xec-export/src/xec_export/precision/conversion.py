"""Graphs with some of their products in lower precision."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xec_export.onnx.axes import drop_unused_constants
from xec_export.onnx.parity_events import ParityEvents
from xec_export.prediction.runtime import onnxruntime

if TYPE_CHECKING:
    import onnx

_CALIBRATION_BATCH = 16


def to_half(source: Path, target: Path, products: Sequence[str], events: ParityEvents) -> None:  # noqa: ARG001
    """Write a graph with products in float16; parameters as in `Precision.convert`.

    ONNX Runtime's own converter sends the inputs of the graph through float16, which has no 1e-9 s.
    """
    import onnx

    model = onnx.load(source)
    graph, chosen = model.graph, set(products)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[Any] = []
    halves: dict[str, str] = {}
    for node in graph.node:
        if node.name in chosen:
            for place, name in enumerate(node.input):
                if not name:
                    continue
                if name not in halves:
                    halves[name] = f"{name}.half"
                    if name in constants:
                        values = onnx.numpy_helper.to_array(constants[name]).astype(np.float16)
                        graph.initializer.append(onnx.numpy_helper.from_array(values, halves[name]))
                    else:
                        nodes.append(_cast(name, halves[name], onnx.TensorProto.FLOAT16))
                node.input[place] = halves[name]
            name, node.output[0] = node.output[0], f"{node.output[0]}.product"
            nodes += [node, _cast(node.output[0], name, onnx.TensorProto.FLOAT)]
        else:
            nodes.append(node)
    graph_nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    graph.ClearField("node")
    graph.node.extend(graph_nodes)
    drop_unused_constants(model)
    target.write_bytes(model.SerializeToString())


def _cast(source: str, target: str, kind: int) -> onnx.NodeProto:
    import onnx

    return onnx.helper.make_node("Cast", [source], [target], name=f"cast to {target}", to=kind)


def to_int8(source: Path, target: Path, products: Sequence[str], events: ParityEvents) -> None:
    """Write a graph with products in 8 bits; parameters as in `Precision.convert`.

    The ranges of the numbers are those of the events, and fixed: ranges that were found anew for every batch
    would let the events of a batch change each other's results.
    """
    onnxruntime()
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        """Events as the calibration reads them."""

        def __init__(self) -> None:
            self._starts = iter(range(0, len(events.npho), _CALIBRATION_BATCH))

        def get_next(self) -> dict[str, Any] | None:
            """Return the next batch."""
            start = next(self._starts, None)
            if start is None:
                return None
            batch = slice(start, start + _CALIBRATION_BATCH)
            return {"npho": events.npho[batch], "time": events.time[batch]}

    with _quiet():
        quantize_static(
            str(source),
            str(target),
            Batches(),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=list(products),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
