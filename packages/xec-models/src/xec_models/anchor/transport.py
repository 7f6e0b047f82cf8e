"""The light that the sensors would have seen in their nominal places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xec_geometry import SensorTable
from xec_geometry.detector.parameters import CHIP_GAP, CHIP_SIDE
from xec_geometry.detector.survey import nominal_table
from xec_models.anchor.inner_face import constant

# cm². Near a sensor its solid angle grows more slowly than h/r³, as if r² were larger by the mean square
# distance of its area from its centre: of the two by two chips of a SiPM.
_EXTENT = 2 * (((CHIP_SIDE + CHIP_GAP) / 2) ** 2 + CHIP_SIDE**2 / 12)
# Points are in front of the sensors, and nearer ones are no points of light.
_LOWEST = 0.3
_LARGEST = 4.0


class Transport(nn.Module):
    """Scales photons from where the sensors were built in to where they nominally are.

    A sensor at the height h above whose plane, at the distance r, light starts, sees h/r³ of it times its
    area. What follows, such as a centre of the light or a convolution over a face, may then take the sensors
    for a regular grid. The steps are small, so a rough point is enough.

    Parameters
    ----------
    geometry
        As built.
    """

    positions: Tensor
    normals: Tensor
    nominal_positions: Tensor
    nominal_normals: Tensor

    def __init__(self, geometry: SensorTable) -> None:
        super().__init__()
        nominal = nominal_table()
        tables = {
            "positions": geometry.positions.T,
            "normals": geometry.normals.T,
            "nominal_positions": nominal.positions.T,
            "nominal_normals": nominal.normals.T,
        }
        for name, table in tables.items():
            self.register_buffer(name, constant(table), persistent=False)

    def forward(self, counts: Tensor, xyz: Tensor) -> Tensor:
        """Return photons (B, sensors) in the nominal places; unchanged in events without a point.

        Parameters
        ----------
        counts
            (B, sensors) photons.
        xyz
            (B, 3) points from which the light comes, in cm.
        """
        built = _visibility(self.positions, self.normals, xyz)
        nominal = _visibility(self.nominal_positions, self.nominal_normals, xyz)
        factor = (nominal / built).clamp(1 / _LARGEST, _LARGEST)
        known = xyz.isfinite().all(dim=1, keepdim=True)
        return torch.where(known, counts * factor, counts)


def _visibility(positions: Tensor, normals: Tensor, xyz: Tensor) -> Tensor:
    """Return h/r³ of sensors, (3, sensors) each, seen from points (B, 3): (B, sensors)."""
    square, height = torch.zeros_like(xyz[:, :1]), torch.zeros_like(xyz[:, :1])
    # Spelt out, because matrix products lose digits under mixed precision.
    for axis in range(3):
        apart = xyz[:, axis : axis + 1] - positions[axis]
        square, height = square + apart.square(), height + apart * normals[axis]
    square = square + _EXTENT
    return height.clamp_min(_LOWEST) / (square * square.sqrt())
