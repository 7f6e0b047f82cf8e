"""LayerNorm over the channels of a feature map; as matrix products where ONNX Runtime needs them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_models.blocks.exporting import is_exporting

NORM_EPS = 1e-6

# ONNX Runtime's own norm of rows of 8 takes twice as long as the products, and no less with more threads;
# for rows of 32 it is as fast as they are.
_FEW_CHANNELS = 16


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the last axis; for few channels exported as small matrix products.

    Parameters
    ----------
    dim
        Number of channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x` (..., C)."""
        if self._as_products():
            return self._unit(x) * self.weight + self.bias
        return super().forward(x)

    def into(self, linear: nn.Linear, x: Tensor) -> Tensor:
        """Apply to `x` (..., C), then apply `linear`."""
        if not is_exporting():
            return linear(self(x))  # type: ignore[no-any-return]
        # ONNX Runtime fuses the bias into the product of two matrices; with more axes into a following GELU,
        # which is slow.
        rows = x.reshape(-1, x.shape[-1])
        if self._as_products():
            # The affine part of the norm goes into the weights.
            bias = torch.mv(linear.weight, self.bias) + linear.bias
            out = F.linear(self._unit(rows), linear.weight * self.weight, bias)
        else:
            out = linear(self(rows))
        return out.reshape(*x.shape[:-1], linear.out_features)

    def _as_products(self) -> bool:
        return is_exporting() and self.normalized_shape[0] <= _FEW_CHANNELS

    def _unit(self, x: Tensor) -> Tensor:
        # Mean and variance as products with constant matrices.
        dim = self.normalized_shape[0]
        mean = torch.full((dim, dim), 1 / dim, dtype=x.dtype, device=x.device)
        centred = x @ (torch.eye(dim, dtype=x.dtype, device=x.device) - mean)
        unit: Tensor = centred / ((centred * centred) @ mean + self.eps).sqrt()
        return unit
