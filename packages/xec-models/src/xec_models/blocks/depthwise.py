"""A depthwise convolution, channels last, of which the backward pass is as fast as the forward one.

PyTorch's own gradients take ten times as long on the CPU: it leaves the channels-last order for them. That of
the input is a convolution with the kernel turned around; that of the kernel has an operator of its own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from xec_models.blocks.native.operators import operators, takes

_SIDE_IN_CPP = 7


def depthwise_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve each channel with a kernel of its own.

    Parameters
    ----------
    x
        (B, rows, columns, C) features.
    weight
        (C, 1, k, k) with odd k; the result has the rows and columns of `x`.
    bias
        (C,)

    Returns
    -------
    Tensor
        Shape of `x`.
    """
    out: Tensor = _DepthwiseConv.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return out


class _DepthwiseConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _convolve(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        by_x = _convolve(grad, weight.flip(2, 3), None) if ctx.needs_input_grad[0] else None
        if not any(ctx.needs_input_grad[1:]):
            return by_x, None, None
        return by_x, *_gradients_of_kernel(grad, x, weight)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    side = weight.shape[-1]
    y = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=side // 2, groups=len(weight))
    return y.permute(0, 2, 3, 1)


def _gradients_of_kernel(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    own = operators() if takes(x) and weight.shape[-1] == _SIDE_IN_CPP else None
    if own is not None:
        by_kernel, by_bias = own.depthwise_backward(grad, x.contiguous())
        return by_kernel.t().reshape(weight.shape), by_bias
    side = weight.shape[-1]
    _, by_weight, bias = torch.ops.aten.convolution_backward(
        grad.permute(0, 3, 1, 2),
        x.permute(0, 3, 1, 2),
        weight,
        [len(weight)],
        [1, 1],
        [side // 2] * 2,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        [False, True, True],
    )
    return by_weight, bias
