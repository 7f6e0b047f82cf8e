"""Photons of all sensors without holes: those without a reading take after their neighbours."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_geometry import FACES, N_SENSORS, face_ids, sensor_positions
from xec_models.anchor.inner_face import InnerFace, box_sum
from xec_models.encoder.readings import Readings

# Neighbours of a sensor on the other faces are nearer than this many times its nearest one.
_REACH = 1.6

# Below this many times their mean, readings are noise and reflections: no curve goes through them.
_FAINT = 5.0
_NO_LIGHT = 1e-20
# A filled reading is not more than three times as bright as its brightest neighbour.
_FURTHER = 3 ** (1 / 3)


class Filling(nn.Module):
    """Fills sensors without a reading from those around them.

    On the inner face light goes roughly with the inverse cube of the distance from its source, so that
    photons to the power −1/3 are nearly a quadratic function of the position: its value in the middle is
    (2 Σ edges − Σ corners) / 4 of the eight cells around. Where these are faint, or at the edge of the face,
    it is their mean. On the other faces: the mean of the nearest sensors, or that of the face without any.
    """

    inside: Tensor
    neighbours: Tensor
    exists: Tensor
    same_face: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.inner = InnerFace()
        rows, columns = self.inner.shape
        self.n_inner = rows * columns
        # The sensors of the inner face come first, those of the others are the rest.
        assert self.inner.first == 0
        inside = np.zeros((rows, columns), np.bool_)
        inside[1:-1, 1:-1] = True
        neighbours, exists, same_face = _neighbourhoods(self.n_inner)
        for name, table in (("inside", inside), ("neighbours", neighbours), ("exists", exists)):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        weights = torch.from_numpy(same_face).to(torch.get_default_dtype())
        self.register_buffer("same_face", weights, persistent=False)

    def forward(self, readings: Readings) -> Tensor:
        """Return photons (B, sensors); zero on a face without any reading."""
        inner = self._fill_inner(self.inner.image(readings.counts), self.inner.image(readings.counted))
        return torch.cat([inner.flatten(1), self._fill_others(readings)], dim=1)

    def _fill_inner(self, image: Tensor, counted: Tensor) -> Tensor:
        number = box_sum(counted.to(image.dtype))
        mean = torch.where(counted, image, box_sum(image) / number.clamp_min(1))
        faint = _FAINT * mean.mean(dim=(1, 2), keepdim=True).clamp_min(_NO_LIGHT)
        away = torch.maximum(mean, faint).pow(-1 / 3)
        whole, across = box_sum(away), _cross_sum(away)
        # Edges are the cross without its middle, corners what is left of the box.
        middle = (2 * (across - away) - (whole - across)) / 4
        nearest, farthest = -_box_max(-away), _box_max(away)
        middle = torch.minimum(torch.maximum(middle, nearest / _FURTHER), farthest * _FURTHER)
        smooth = self.inside & (nearest < (2 * faint).pow(-1 / 3))
        return torch.where(counted, image, torch.where(smooth, middle.pow(-3), mean))

    def _fill_others(self, readings: Readings) -> Tensor:
        counts, counted = readings.counts, readings.counted
        ids, shape = self.neighbours.flatten(), (-1, *self.neighbours.shape)
        around, valid = counts[:, ids].reshape(shape), counted[:, ids].reshape(shape) & self.exists
        number = valid.sum(dim=2)
        mean = torch.where(valid, around, 0).sum(dim=2) / number.clamp_min(1)
        own, has = counts[:, self.n_inner :], counted[:, self.n_inner :]
        of_face = own @ self.same_face / (has.to(own.dtype) @ self.same_face).clamp_min(1)
        return torch.where(has, own, torch.where(number > 0, mean, of_face @ self.same_face.t()))


def _neighbourhoods(first: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the neighbours (n, k) of the sensors from `first` on, which of them exist, and (n, faces)."""
    faces = [face_ids(face) for face in FACES]
    same_face = np.stack([np.isin(np.arange(first, N_SENSORS), ids) for ids in faces], axis=1)
    near: list[NDArray[np.int64]] = []
    for sensor, is_on in zip(range(first, N_SENSORS), same_face, strict=True):
        ids = faces[int(is_on.argmax())]
        others = ids[ids != sensor]
        distance = np.linalg.norm(sensor_positions()[others] - sensor_positions()[sensor], axis=1)
        near.append(others[distance < _REACH * distance.min()])
    widest = max(map(len, near))
    neighbours = np.array([np.pad(ids, (0, widest - len(ids)), mode="edge") for ids in near])
    exists = np.arange(widest) < np.array([len(ids) for ids in near])[:, None]
    return neighbours, exists, same_face


def _cross_sum(image: Tensor) -> Tensor:
    """Sum over each pixel and the four that share an edge with it."""
    padded = F.pad(image, (1, 1, 1, 1))
    return image + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:] + padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]


def _box_max(image: Tensor) -> Tensor:
    """Largest of the 3 × 3 pixels around each."""
    return F.max_pool2d(image.unsqueeze(1), kernel_size=3, stride=1, padding=1).squeeze(1)
