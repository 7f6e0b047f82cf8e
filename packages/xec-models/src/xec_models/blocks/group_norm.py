"""GroupNorm in a form that an exported graph can apply to no events."""

from __future__ import annotations

from torch import Tensor, nn

from xec_models.blocks.exporting import is_exporting


class GroupNorm(nn.GroupNorm):
    """GroupNorm over the second axis of (B, C, ...); exported as means.

    The exporter's own form asks ONNX Runtime for the length of a group, which no events do not tell.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x` (B, C, ...)."""
        if not is_exporting():
            return super().forward(x)
        groups = x.reshape(-1, self.num_groups, self.num_channels // self.num_groups, *x.shape[2:])
        space = tuple(range(2, groups.ndim))
        centred = groups - groups.mean(space, keepdim=True)
        unit = centred / ((centred * centred).mean(space, keepdim=True) + self.eps).sqrt()
        shape = (1, -1, *[1] * (x.ndim - 2))
        out: Tensor = unit.flatten(1, 2) * self.weight.reshape(shape) + self.bias.reshape(shape)
        return out
