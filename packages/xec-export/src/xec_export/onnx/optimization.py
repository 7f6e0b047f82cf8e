"""The operations of a graph that torch has written, as few as they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir


def optimize(model: onnx_ir.Model) -> None:
    """Compute what is constant, and join operations, in place.

    As `torch.onnx.ONNXProgram.optimize` does, which tries its patterns at every operation, and that is where
    nearly all of its time goes. Most operations are constant or stand there twice: they go before.
    """
    from onnx_ir.passes import common
    from onnxscript import optimizer

    common.InlinePass()(model)
    optimizer.fold_constants(model)
    common.RemoveUnusedNodesPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    optimizer.optimize_ir(model, num_iterations=1)
    # What patterns leave behind, which a second round would remove.
    common.IdentityEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)
