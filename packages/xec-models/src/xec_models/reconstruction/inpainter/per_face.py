"""The heads of an inpainter for each kind of face, on its cells and on the token of the encoder.

Every head computes features of each cell of its face; those of a sensor become a correction of the mean
of its neighbours.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from xec_geometry import face_ids
from xec_models.blocks.masked_softmax import masked_softmax
from xec_models.config.network import ModelConfig
from xec_models.encoder.outer_modes import OUTER_MODES, FaceGroup
from xec_models.reconstruction.inpainter.cells import (
    FACE_WIDTH,
    OUTER,
    GroupFeatures,
    group_cells,
    own_cells,
)
from xec_models.reconstruction.inpainter.correction import Correction
from xec_models.reconstruction.inpainter.local_features import N_FEATURES, LocalFeatures


class CellReadout(nn.Module):
    """Readout of faces with one sensor per cell: its features are those of the cell.

    Parameters
    ----------
    group, model
        As for `GroupFeatures`.
    channels
        Predicted columns: 0 npho, 1 time.
    """

    def __init__(self, group: FaceGroup, model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = GroupFeatures(group, model)
        self.sensors = self.features.cells.sensor[:, 0].numpy()
        self.correct = Correction(self.features.width, channels)

    def forward(self, local: LocalFeatures, tokens: Tensor) -> Tensor:
        """Predict (B, sensors of the group, channels), in the order of `sensors`."""
        estimate = self.features.cells(local.estimate)
        out: Tensor = self.correct(self.features(local.values, tokens), estimate)
        return out


class OuterReadout(nn.Module):
    """Readout of the outer face: every sensor attends to its own cells.

    Parameters
    ----------
    groups
        The group of the outer face: one, or two if it is split.
    model, channels
        As for `CellReadout`.
    """

    table: Tensor
    padded: Tensor
    own: Tensor

    def __init__(self, groups: tuple[FaceGroup, ...], model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.ModuleList(GroupFeatures(group, model) for group in groups)
        # All sensors: those that the grid of a layout lacks have no cells, but a prediction.
        self.sensors = face_ids(OUTER)
        table, padded = own_cells(self.sensors, [group_cells(group, model)[:2] for group in groups])
        for name, values in (("table", table), ("padded", padded), ("own", self.sensors)):
            self.register_buffer(name, torch.tensor(values), persistent=False)
        self.query = nn.Linear(N_FEATURES, FACE_WIDTH)
        self.key = nn.Linear(FACE_WIDTH, FACE_WIDTH)
        self.value = nn.Linear(FACE_WIDTH, FACE_WIDTH)
        self.place = nn.Parameter(torch.empty(self.table.shape[1], FACE_WIDTH))
        nn.init.trunc_normal_(self.place, std=0.02)
        self.correct = Correction(FACE_WIDTH, channels)

    def forward(self, local: LocalFeatures, tokens: Tensor) -> Tensor:
        """Predict (B, outer sensors, channels), in the order of `sensors`."""
        features = torch.cat(
            [part(local.values, tokens[:, i : i + 1]) for i, part in enumerate(self.features)], dim=1
        )
        query = self.query(local.values[:, self.own])
        # Projected before they are copied to the sensors: cells are fewer.
        keys = self.key(features)[:, self.table] + self.place
        values = self.value(features)[:, self.table]
        score = (keys * query.unsqueeze(2)).sum(-1) / math.sqrt(FACE_WIDTH)
        share = masked_softmax(score, self.padded)
        mixed = query + (share.unsqueeze(-1) * values).sum(2)
        out: Tensor = self.correct(mixed, local.estimate[:, self.own])
        return out


class PerFaceHead(nn.Module):
    """A head with one readout per kind of face; together they cover every sensor.

    Parameters
    ----------
    model
        Shape of the network.
    channels
        Predicted columns: 0 npho, 1 time.
    """

    order: Tensor

    def __init__(self, model: ModelConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        groups = OUTER_MODES[model.outer_mode].groups
        outer = tuple(group for group in groups if group.faces[0].startswith(OUTER))
        self.tokens: dict[str, slice] = {}
        readouts: dict[str, nn.Module] = {}
        first = 0
        for group in groups:
            name = OUTER if group in outer else group.name
            begin = self.tokens[name].start if name in self.tokens else first
            first += len(group.faces)
            self.tokens[name] = slice(begin, first)
            if name not in readouts:
                readouts[name] = (
                    OuterReadout(outer, model, channels)
                    if name == OUTER
                    else CellReadout(group, model, channels)
                )
        self.readouts = nn.ModuleDict(readouts)
        sensors = np.concatenate([np.asarray(readout.sensors) for readout in readouts.values()])
        self.register_buffer("order", torch.tensor(np.argsort(sensors, kind="stable")), persistent=False)

    def forward(self, local: LocalFeatures, tokens: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Predict every sensor.

        Parameters
        ----------
        local
            Local features of the sensors.
        tokens
            (B, tokens, encoder_dim) of the encoder.
        mask
            (B, sensors) bool, not used: every sensor is predicted.

        Returns
        -------
        Tensor (B, sensors, channels)
            On the normalized scale.
        """
        parts = [readout(local, tokens[:, self.tokens[name]]) for name, readout in self.readouts.items()]
        return torch.cat(parts, dim=1)[:, self.order]
