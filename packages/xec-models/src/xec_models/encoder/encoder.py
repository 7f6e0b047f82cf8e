"""The encoder: one token for each face, and attention between the tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import SensorTable
from xec_models.config.network import NUM_HEADS, ModelConfig
from xec_models.encoder.face_backbone import FaceBackbone
from xec_models.encoder.fusion import DROPOUT, Fusion
from xec_models.encoder.gather import FaceGather
from xec_models.encoder.hex_encoder import HexEncoder
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.outer_modes import token_faces
from xec_models.encoder.position_encodings import POSITION_ENCODINGS


class XECEncoder(nn.Module):
    """Tokens of the faces: inner, us, ds, outer (coarse and centre, if split), top, bottom.

    Rectangular faces share one ConvNeXt V2 backbone, hexagonal ones one HexNeXt encoder. Everything
    is per event: the events of a batch do not interact.

    Parameters
    ----------
    model
        Shape of the network.
    normalization
        Constants of the inputs.
    geometry
        Where the sensors stand; nominal by default.

    Attributes
    ----------
    faces : tuple of str
        The face of each token.
    normalizer : Normalizer
        Normalization of raw readings to the input of `forward`.
    """

    def __init__(
        self,
        model: ModelConfig,
        normalization: NormalizationConfig,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        dim = model.encoder_dim
        self.faces = token_faces(model.outer_mode)
        self.normalizer = Normalizer(normalization)
        self.gather = FaceGather(model, self.normalizer)
        self.closed = model.layout == "physical"
        self.backbone = FaceBackbone(
            dim, drop_path_rate=model.drop_path_rate, closed=self.closed, stem=model.stem
        )
        self.hex_encoder = HexEncoder(
            dim,
            model.layout,
            model.hex_conv,
            drop_path_rate=model.drop_path_rate,
            width=model.hex_width,
            depth=model.hex_depth,
        )
        self.position = POSITION_ENCODINGS[model.position].build(self.faces, dim, model.layout, geometry)
        self.fusion = Fusion(
            dim,
            NUM_HEADS,
            model.feedforward,
            model.num_fusion_layers,
            DROPOUT if model.dropout is None else model.dropout,
        )

    def forward(self, x: Tensor, mask: Tensor | None = None, more: Tensor | None = None) -> Tensor:
        """Encode normalized readings.

        Parameters
        ----------
        x
            (B, sensors, 2) npho and time of the `Normalizer`.
        mask
            (B, sensors) bool, True where a sensor must not be seen; None: all seen. A masked sensor
            cannot influence the result (FCMAE; Woo et al., arXiv:2301.00808). In the layout ``xec-ml-wl``
            `x` must hold its sentinels: cells of the outer face that are partly masked are heard there.
        more
            (B, n, encoder_dim) further tokens that join those of the faces in the fusion; None: none.

        Returns
        -------
        Tensor (B, tokens + n, encoder_dim)
        """
        tokens = self.face_tokens(x, mask) + self.position()
        if more is not None:
            tokens = torch.cat([tokens, more], dim=1)
        fused: Tensor = self.fusion(tokens)
        return fused

    def face_tokens(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute the tokens before the fusion, each from its own face only; parameters as in `forward`."""
        if mask is not None and self.closed:
            # A partly masked cell of a pooled grid takes its value from the sensors that are left.
            x = torch.where(mask.unsqueeze(-1), self.normalizer.sentinels(), x)
        faces = self.gather(x)
        masks = {} if mask is None else self.gather.mask(mask)
        tokens = []
        for group in self.gather.groups:
            encode = self.hex_encoder if group.hexagonal else self.backbone
            hidden = masks[group.name].flatten(0, 1) if masks else None
            token = encode(faces[group.name].flatten(0, 1), hidden)
            tokens.append(token.unflatten(0, (-1, len(group.faces))))
        return torch.cat(tokens, dim=1)
