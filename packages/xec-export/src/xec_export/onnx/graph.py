"""A torch network as one self-contained ONNX file."""

from __future__ import annotations

import ast
import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xec_export.__about__ import __version__
from xec_export.errors import ExportError
from xec_export.forms.inputs import GRAPH_INPUTS
from xec_export.onnx.axes import count_axes_from_front
from xec_export.onnx.description import ModelDescription
from xec_export.onnx.optimization import optimize
from xec_geometry.support.text import first_line

if TYPE_CHECKING:
    import onnx

# The oldest opset that torch's exporter writes natively, and the one it takes by itself in torch 2.13.
OLDEST_OPSET = 18
DEFAULT_OPSET = 20

# protobuf cannot hold more in one message, and the file is to be one.
LARGEST_FILE = 2**31 - 1

# What takes most of the time, the modules whose numbers are of order 1, and the products that are norms.
_PRODUCTS = ("MatMul", "Gemm", "Conv")
_REDUCIBLE = ("backbone", "hex_encoder", "fusion", "heads")
_NORMS = "matmul"
_SCOPES = "pkg.torch.onnx.name_scopes"

# Traced with more than one event, so that nothing is specialized to a batch of one.
_EVENTS_TRACED = 2


class TupleOutput(nn.Module):
    """A network that returns its outputs as a tuple, in a fixed order, instead of a dictionary.

    Parameters
    ----------
    network
        Maps its inputs to a dictionary.
    names
        The keys in the order wanted.
    """

    def __init__(self, network: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for inputs (batch, n_sensors) each."""
        outputs = self.network(*inputs)
        return tuple(outputs[name] for name in self.names)


def check_opset(opset: int) -> int:
    """Check that an operator set can be written and checked here.

    Raises
    ------
    ExportError
        If the exporter or the installed onnx does not have it.
    """
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise ExportError(f"--opset {opset}: expected {OLDEST_OPSET} to {newest}")
    return opset


def write_onnx(network: nn.Module, description: ModelDescription, path: Path) -> tuple[str, ...]:
    """Export a network to an ONNX file with a dynamic batch.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU; maps the inputs of the description, (batch, n_sensors) float32 each,
        to a dictionary of its outputs.
    description
        Goes into the file's metadata; its outputs are the graph's outputs, its opset the graph's.
    path
        The file.

    Returns
    -------
    tuple of str
        The operations of the graph that may have a lower precision, see `reducible_products`.

    Raises
    ------
    ExportError
        If torch cannot export the network, or the file would exceed 2 GB.
    """
    size = sum(value.nbytes for value in network.state_dict().values())
    if size > LARGEST_FILE:
        raise ExportError(f"{path}: the network has {size / 2**30:.1f} GB; an ONNX file holds at most 2 GB")
    model = _traced(network, description)
    products = reducible_products(model)
    _strip_provenance(model)
    count_axes_from_front(model)
    _describe(model, description)
    path.write_bytes(model.SerializeToString())
    return products


def reducible_products(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the products with weights in the encoder and the heads of a graph that torch has written.

    Normalization, sorting into faces, anchor and the scales of the outputs are not among them, nor the norms,
    which for few channels are products, too.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    names = []
    for node in model.graph.node:
        if node.op_type in _PRODUCTS and constants.intersection(node.input):
            known = {item.key: item.value for item in node.metadata_props}
            scopes = [str(scope) for scope in ast.literal_eval(known.get(_SCOPES, "[]"))]
            parts = {part for scope in scopes for part in scope.split(".")}
            if parts & set(_REDUCIBLE) and not scopes[-1].startswith(_NORMS):
                names.append(node.name)
    return tuple(names)


def rewrite_metadata(source: Path, target: Path, description: ModelDescription) -> None:
    """Write a graph to another file with another description."""
    import onnx

    model = onnx.load(source)
    _describe(model, description)
    target.write_bytes(model.SerializeToString())


def _traced(network: nn.Module, description: ModelDescription) -> onnx.ModelProto:
    batch = torch.export.Dim("batch")
    example = torch.ones(_EVENTS_TRACED, description.n_sensors)
    with quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                TupleOutput(network, description.output_names).eval(),
                tuple(example.clone() for _ in description.inputs),
                dynamo=True,
                # One entry for `*inputs`, with one for each of them.
                dynamic_shapes=(tuple({0: batch} for _ in description.inputs),),
                input_names=list(description.inputs),
                output_names=list(description.output_names),
                opset_version=description.opset,
                external_data=False,
                verbose=False,
                optimize=False,
            )
        except torch.onnx.OnnxExporterError as error:
            # The exporter's own message is a page of advice; its cause says what was wrong.
            reason = first_line(error.__cause__ or error)
            raise ExportError(f"torch cannot export the network: {reason}") from error
        assert program is not None
        optimize(program.model)
    model = program.model_proto
    written = next(item.version for item in model.opset_import if item.domain == "")
    if written != description.opset:
        raise ExportError(f"torch wrote opset {written} where {description.opset} was asked for")
    return model


def _strip_provenance(model: onnx.ModelProto) -> None:
    # Stack traces with the paths of the machine it was exported on help nobody who runs the file.
    for holder in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        holder.ClearField("metadata_props")
    for value in (*model.graph.value_info, *model.graph.initializer):
        value.ClearField("metadata_props")


def _describe(model: onnx.ModelProto, description: ModelDescription) -> None:
    import onnx

    # Those of tools that changed the graph go.
    model.ClearField("metadata_props")
    onnx.helper.set_model_props(model, description.to_metadata())
    model.producer_name = "xec-export"
    model.producer_version = __version__
    model.doc_string = (
        f"{description.kind} of the MEG II liquid-xenon detector: {', '.join(description.inputs)} of "
        f"{description.n_sensors} sensors in, {', '.join(description.tasks)} in physical units out."
    )
    for info in model.graph.input:
        known = GRAPH_INPUTS[info.name]
        info.doc_string = f"(batch, {description.n_sensors}), unit {known.unit}: {known.meaning}"
    for output, info in zip(description.outputs, model.graph.output, strict=True):
        shape = ", ".join(map(str, ("batch", *output.axes)))
        info.doc_string = f"({shape}): {', '.join(output.columns)}, unit {output.unit}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter, which reports on torchvision, on its deprecations and on every pass."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
