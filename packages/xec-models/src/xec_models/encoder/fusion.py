"""The fusion of the tokens: a post-norm transformer encoder.

A. Vaswani et al., "Attention Is All You Need", arXiv:1706.03762 (2017). torch's own encoder layer
switches to other kernels in evaluation, which neither export nor reproduce the numbers of the training;
this one has the same parameters and a single code path.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

DROPOUT = 0.1


class FusionLayer(nn.Module):
    """Self-attention and a feed-forward part, each with a residual and a LayerNorm behind it.

    Parameters
    ----------
    dim
        Width of a token.
    heads
        Number of attention heads, a divisor of `dim`.
    feedforward
        Width of the feed-forward part.
    dropout
        Probability of dropping a feature while training.
    """

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        # Holds and initializes the parameters; its forward is not used.
        self.self_attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.linear1 = nn.Linear(dim, feedforward)
        self.linear2 = nn.Linear(feedforward, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        self.heads = heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Apply to (B, tokens, dim)."""
        tokens = self.norm1(tokens + self.dropout(self._attend(tokens)))
        hidden = self.dropout(F.gelu(self.linear1(tokens)))
        out: Tensor = self.norm2(tokens + self.dropout(self.linear2(hidden)))
        return out

    def attention(self, tokens: Tensor) -> Tensor:
        """Return how much each token (last but one axis) takes from each other (last), adding up to 1.

        Parameters
        ----------
        tokens
            (B, tokens, dim) as for `forward`.

        Returns
        -------
        Tensor (B, heads, tokens, tokens)
        """
        query, key, _ = self._project(tokens)
        weights: Tensor = (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(dim=-1)
        return weights

    def _project(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, (B, heads, tokens, dim / heads) each."""
        attention = self.self_attn
        projected = F.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
        batch, count, dim = tokens.shape
        split = projected.reshape(batch, count, 3, self.heads, dim // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def _attend(self, tokens: Tensor) -> Tensor:
        attention = self.self_attn
        query, key, value = self._project(tokens)
        rate = self.dropout.p if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=rate)
        out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(-2))
        return out


class Fusion(nn.Module):
    """A stack of fusion layers.

    Parameters
    ----------
    dim, heads, feedforward, dropout
        As for `FusionLayer`.
    layers
        Number of layers.
    """

    def __init__(self, dim: int, heads: int, feedforward: int, layers: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FusionLayer(dim, heads, feedforward, dropout) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Apply to (B, tokens, dim)."""
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens
