"""The MLP of a block, a few events at a time: LayerNorm → Linear → GELU → GRN → Linear.

Its activations are four times as wide as the features, and most of the time goes into moving them. GRN is
per event, so a few events can go through the whole MLP while they are in the processor's caches. The
backward pass recomputes the activations instead of storing them: that is faster than fetching them from
memory, and they would be the largest part of the memory of a training step.

`native` has the same in one operator in C++, which is used where it is compiled and takes the shapes.

For the CPU only. On a GPU and in compiled or exported graphs `next_block` applies the operations one by one,
for the compiler to fuse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from xec_models.blocks.grn import EPS, SQUARE_FLOOR, scale_of_norm
from xec_models.blocks.native.operators import operators, takes

# Size of the activations of the events that are processed at a time; a few such arrays fit in the caches.
CHUNK_BYTES = 2 * 2**20


def is_supported(x: Tensor) -> bool:
    """Return whether `block_mlp` may be used: eager, on the CPU, in one precision."""
    return (
        x.device.type == "cpu" and not torch.compiler.is_compiling() and not torch.is_autocast_enabled("cpu")
    )


def block_mlp(
    y: Tensor,
    norm: tuple[Tensor, Tensor, float],
    first: tuple[Tensor, Tensor],
    gamma: Tensor,
    second: tuple[Tensor, Tensor],
) -> Tensor:
    """Apply the MLP of a block.

    Parameters
    ----------
    y
        (B, ..., C) features.
    norm
        Weight, bias and epsilon of the LayerNorm.
    first
        Weight (4C, C) and bias of the first Linear.
    gamma
        (4C,) of GRN.
    second
        Weight (C, 4C) of the second Linear; its bias, with what GRN's β contributes: W₂β + b.

    Returns
    -------
    Tensor
        Shape of `y`.
    """
    # Not -1: it has no meaning without events.
    positions = y.reshape(len(y), math.prod(y.shape[1:-1]), y.shape[-1])
    function = _BlockMLP if operators() is None or not takes(y) else _NativeBlockMLP
    out: Tensor = function.apply(positions, *norm, *first, gamma, *second)  # type: ignore[no-untyped-call]
    return out.reshape(y.shape)


class _NativeBlockMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, y: Tensor, norm_weight: Tensor, norm_bias: Tensor, eps: float, *layers: Tensor
    ) -> Tensor:
        y = y.contiguous()
        out, norms = _native().block_mlp(y, norm_weight, norm_bias, eps, *layers)
        ctx.eps = eps
        ctx.save_for_backward(y, norms, norm_weight, norm_bias, *layers[:-1])
        return out  # type: ignore[no-any-return]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, norms, norm_weight, norm_bias, *layers = ctx.saved_tensors
        grad = grad.contiguous()
        by_y, by_norm_weight, by_norm_bias, *by_layers = _native().block_mlp_backward(
            grad, y, norms, norm_weight, norm_bias, ctx.eps, *layers
        )
        return by_y, by_norm_weight, by_norm_bias, None, *by_layers, grad.sum((0, 1))


def _native() -> Any:
    own = operators()
    assert own is not None
    return own


class _BlockMLP(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        y: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        eps: float,
        weight1: Tensor,
        bias1: Tensor,
        gamma: Tensor,
        weight2: Tensor,
        bias2: Tensor,
    ) -> Tensor:
        out, norms = torch.empty_like(y), y.new_empty(len(y), len(gamma))
        for part in _parts(y, len(gamma)):
            normed = F.layer_norm(y[part], norm_weight.shape, norm_weight, norm_bias, eps)
            hidden = F.gelu(F.linear(normed, weight1, bias1))
            torch.sqrt(hidden.square().sum(1).add_(SQUARE_FLOOR), out=norms[part])
            scaled = scale_of_norm(norms[part], gamma).unsqueeze(-1) * weight2.t()
            torch.baddbmm(bias2, hidden, scaled, out=out[part])
        ctx.eps = eps
        ctx.save_for_backward(y, norms, norm_weight, norm_bias, weight1, bias1, gamma, weight2)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, norms, norm_weight, norm_bias, weight1, bias1, gamma, weight2 = ctx.saved_tensors
        grad = grad.contiguous()
        grad_y = torch.empty_like(y)
        sums = [torch.zeros_like(x) for x in (norm_weight, norm_bias, weight1, bias1, gamma, weight2.t())]
        grad_norm_weight, grad_norm_bias, grad_weight1, grad_bias1, grad_gamma, grad_weight2 = sums
        for part in _parts(y, len(gamma)):
            here, norm, after = y[part], norms[part], grad[part]
            normed, mean, rstd = torch.native_layer_norm(
                here, list(norm_weight.shape), norm_weight, norm_bias, ctx.eps
            )
            before = F.linear(normed, weight1, bias1)
            hidden = F.gelu(before)
            scale = scale_of_norm(norm, gamma).unsqueeze(-1)

            by_scaled = torch.bmm(hidden.transpose(1, 2), after)
            grad_weight2 += (scale * by_scaled).sum(0)
            by_scale = (by_scaled * weight2.t()).sum(-1)
            mean_norm = norm.mean(-1, keepdim=True) + EPS
            response = norm / mean_norm
            grad_gamma += (by_scale * response).sum(0)
            by_response = by_scale * gamma
            by_norm = (by_response - (by_response * response).mean(-1, keepdim=True)) / mean_norm

            by_hidden = torch.bmm(after, (scale * weight2.t()).transpose(1, 2))
            by_hidden.addcmul_(hidden, (by_norm / norm).unsqueeze(1))
            by_before = torch.ops.aten.gelu_backward(by_hidden, before).flatten(0, 1)
            grad_weight1.addmm_(by_before.t(), normed.flatten(0, 1))
            grad_bias1 += by_before.sum(0)
            by_normed = (by_before @ weight1).view_as(here)
            grad_y[part], by_weight, by_bias = torch.ops.aten.native_layer_norm_backward(
                by_normed, here, list(norm_weight.shape), mean, rstd, norm_weight, norm_bias, [True] * 3
            )
            grad_norm_weight += by_weight
            grad_norm_bias += by_bias
        return (
            grad_y,
            grad_norm_weight,
            grad_norm_bias,
            None,
            grad_weight1,
            grad_bias1,
            grad_gamma,
            grad_weight2.t(),
            grad.sum((0, 1)),
        )


def _parts(y: Tensor, width: int) -> Iterator[slice]:
    events = max(1, CHUNK_BYTES // (y.shape[1] * width * y.element_size()))
    for start in range(0, len(y), events):
        yield slice(start, start + events)
