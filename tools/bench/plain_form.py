"""The network as PyTorch users write it: the form that the fast one is compared with, in numbers and in time.

Each block goes to channels-last once, where norm, products and GRN are PyTorch's own, as in the code of
ConvNeXt V2 and of the earlier system ``xec-ml-wl``; sums over the edges of the hexagonal graph, the outer
fine grid interpolated and padded, each face on its own. Parameters have the names of
`xec_models.XECRegressor`, so that weights load.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import Layout, hex_edges, index_map
from xec_geometry.detector import parameters as p
from xec_models.config.network import DIM_MULTIPLE, NUM_HEADS, ModelConfig
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.position_encodings import POSITION_ENCODINGS
from xec_models.regressor.regressor import XECRegressor

CHANNELS = 2
STAGES = (2, 3)
HEX_WIDTH, HEX_BLOCKS = 96, 4


class PlainResponseNorm(nn.Module):
    """GRN of (B, ..., C): y = γ·(x·N) + β + x.

    Parameters
    ----------
    dim
        Number of channels, the last axis.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(dim))
        self.beta = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, ..., C)."""
        # Faster in a training step than `vector_norm` over these axes; 1e-30 keeps the gradient of √0 finite.
        norm = (x.square().sum(tuple(range(1, x.ndim - 1)), keepdim=True) + 1e-30).sqrt()
        response = norm / (norm.mean(-1, keepdim=True) + 1e-6)
        return self.gamma * (x * response) + self.beta + x


class PlainBlock(nn.Module):
    """Neighbourhood operator → norm → Linear → GELU → GRN → Linear → add the input; (B, ..., C)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.grn = PlainResponseNorm(4 * dim)
        self.pwconv2 = nn.Linear(4 * dim, dim)

    def branch(self, x: Tensor) -> Tensor:
        """What follows the neighbourhood operator, (B, ..., C)."""
        y: Tensor = self.pwconv2(self.grn(F.gelu(self.pwconv1(self.norm(x)))))
        return y


class PlainConvBlock(PlainBlock):
    """With a depthwise 7 × 7 convolution, (B, C, rows, columns)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, C, rows, columns)."""
        return x + self.branch(self.dwconv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PlainHexConv(nn.Module):
    """A sum over the edges of the graph, (B, nodes, C)."""

    def __init__(self, dim: int, layout: Layout) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1 + int(hex_edges(layout)[2].max()), dim))
        self.bias = nn.Parameter(torch.zeros(1, 1, dim))
        for name, row in zip(("source", "target", "direction"), hex_edges(layout), strict=True):
            self.register_buffer(name, torch.tensor(row), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Add up at its target what every edge carries."""
        source, target, direction = self.source, self.target, self.direction
        assert isinstance(source, Tensor)
        assert isinstance(target, Tensor)
        assert isinstance(direction, Tensor)
        carried = x[:, source] * self.weight[:, direction]
        return torch.zeros_like(x).index_add(1, target, carried) + self.bias


class PlainHexBlock(PlainBlock):
    """With the directional kernel of the hexagonal lattice, (B, nodes, C)."""

    def __init__(self, dim: int, layout: Layout) -> None:
        super().__init__(dim)
        self.spatial_conv = PlainHexConv(dim, layout)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, nodes, C)."""
        return x + self.branch(self.spatial_conv(x))


class PlainChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of (B, C, rows, columns), as in the code of ConvNeXt."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, C, rows, columns)."""
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        y = (x - mean) / torch.sqrt(variance + self.eps)
        return self.weight[:, None, None] * y + self.bias[:, None, None]


class PlainBackbone(nn.Module):
    """A rectangular face (B, 2, rows, columns) to a token."""

    def __init__(self, encoder_dim: int) -> None:
        super().__init__()
        width = encoder_dim // DIM_MULTIPLE
        self.stem = nn.ModuleList(
            [nn.Conv2d(CHANNELS, width, kernel_size=4, padding=1), PlainChannelNorm(width, eps=1e-6)]
        )
        self.stage1 = nn.ModuleList(PlainConvBlock(width) for _ in range(STAGES[0]))
        self.downsample = nn.ModuleList(
            [PlainChannelNorm(width, eps=1e-6), nn.Conv2d(width, 2 * width, kernel_size=2, stride=2)]
        )
        self.stage2 = nn.ModuleList(PlainConvBlock(2 * width) for _ in range(STAGES[1]))

    def forward(self, x: Tensor) -> Tensor:
        """Stem, two stages, bilinear interpolation to 4 × 4."""
        for layer in (*self.stem, *self.stage1, *self.downsample, *self.stage2):
            x = layer(x)
        return F.interpolate(x, size=(4, 4), mode="bilinear", align_corners=False).flatten(1)


class PlainHexEncoder(nn.Module):
    """A hexagonal face (B, nodes, 2) to a token."""

    def __init__(self, encoder_dim: int, layout: Layout) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(CHANNELS, HEX_WIDTH), nn.LayerNorm(HEX_WIDTH), nn.GELU())
        self.layers = nn.ModuleList(PlainHexBlock(HEX_WIDTH, layout) for _ in range(HEX_BLOCKS))
        self.proj = nn.Sequential(nn.LayerNorm(HEX_WIDTH), nn.Linear(HEX_WIDTH, encoder_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Stem, blocks, mean over the nodes, projection."""
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        token: Tensor = self.proj(x.mean(1))
        return token


class PlainEncoder(nn.Module):
    """The encoder of the default network: fine grid without pooling, layout `physical`."""

    def __init__(self, model: ModelConfig, normalization: NormalizationConfig) -> None:
        super().__init__()
        self.faces = ("inner", "us", "ds", "outer", "top", "bottom")
        self.normalizer = Normalizer(normalization)
        self.backbone = PlainBackbone(model.encoder_dim)
        self.hex_encoder = PlainHexEncoder(model.encoder_dim, model.layout)
        self.position = POSITION_ENCODINGS[model.position].build(self.faces, model.encoder_dim, model.layout)
        layer = nn.TransformerEncoderLayer(
            model.encoder_dim, NUM_HEADS, model.feedforward, 0.1, activation="gelu", batch_first=True
        )
        self.fusion = nn.TransformerEncoder(layer, model.num_fusion_layers, enable_nested_tensor=False)
        for face in (*self.faces[:3], *self.faces[4:], "outer_coarse", "outer_center"):
            self.register_buffer(f"ids_{face}", torch.tensor(index_map(face, model.layout)), persistent=False)

    def forward(self, x: Tensor, mask: None = None) -> Tensor:  # noqa: ARG002
        """Tokens (B, 6, encoder_dim) of normalized readings (B, sensors, 2)."""
        tokens = [
            *(self.backbone(self._image(x, face)) for face in ("inner", "us", "ds")),
            self.backbone(self._outer(x)),
            *(self.hex_encoder(x[:, getattr(self, f"ids_{face}")]) for face in ("top", "bottom")),
        ]
        fused: Tensor = self.fusion(torch.stack(tokens, dim=1) + self.position())
        return fused

    def _image(self, x: Tensor, face: str) -> Tensor:
        return x[:, getattr(self, f"ids_{face}")].permute(0, 3, 1, 2)

    def _outer(self, x: Tensor) -> Tensor:
        coarse = self._spread(self._image(x, "outer_coarse"), p.COARSE_CELL)
        centre = self._spread(self._image(x, "outer_center"), p.CENTER_CELL)
        row, column = p.CENTER_FINE_ORIGIN
        rows, columns = centre.shape[2:]
        around = (column, coarse.shape[3] - column - columns, row, coarse.shape[2] - row - rows)
        inside = F.pad(torch.ones_like(centre, dtype=torch.bool), around)
        return torch.where(inside, F.pad(centre, around), coarse)

    def _spread(self, x: Tensor, cell: tuple[int, int]) -> Tensor:
        """Every sensor over its fine cells: photons shared out, times copied."""
        normalizer = self.normalizer
        fine = F.interpolate(x, scale_factor=(float(cell[0]), float(cell[1])), mode="nearest")
        npho, time = fine.unbind(1)
        shared = normalizer.normalize_photons(normalizer.photons(npho) / math.prod(cell))
        counted = npho != normalizer.sentinel_npho
        return torch.stack([torch.where(counted, shared, normalizer.sentinel_npho), time], dim=1)


class PlainRegressor(XECRegressor):
    """The regressor with the literal encoder; heads and the scales of the targets are the same."""

    def __init__(self, model: ModelConfig, *arguments: Any, **options: Any) -> None:
        default = ModelConfig()
        assert (
            model.outer_mode,
            model.outer_fine_pool,
            model.stem,
            model.layout,
            model.hex_conv,
            model.drop_path_rate,
        ) == (
            default.outer_mode,
            default.outer_fine_pool,
            default.stem,
            default.layout,
            default.hex_conv,
            default.drop_path_rate,
        ), "the plain form is that of the default network"
        super().__init__(model, *arguments, **options)
        self.encoder = PlainEncoder(model, self.normalization)  # type: ignore[assignment]


def plain_copy(network: XECRegressor) -> PlainRegressor:
    """The plain form of a network, with weights, precision and mode of its own."""
    plain = PlainRegressor(network.model_config, network.task_configs, network.normalization)
    plain.load_state_dict(network.state_dict())
    return plain.to(next(network.parameters()).dtype).train(network.training)
