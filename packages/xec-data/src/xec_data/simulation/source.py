"""Photons from the target to their first interaction in the xenon."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xec_data.simulation.arrays import FloatArray
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.volume import in_xenon
from xec_geometry import FIDUCIAL, uvw_to_xyz


class Photons(NamedTuple):
    """A block of photons: n events.

    Attributes
    ----------
    energy
        (n,) in GeV.
    vertex
        (n, 3), where they were emitted, in cm.
    direction
        (n, 3), unit vectors.
    crossing
        (n, 3), where they crossed the inner face, in cm.
    conversion
        (n, 3), the first interaction point, in cm.
    """

    energy: FloatArray
    vertex: FloatArray
    direction: FloatArray
    crossing: FloatArray
    conversion: FloatArray


def emit_photons(config: SimulationConfig, rng: np.random.Generator, n: int) -> Photons:
    """Draw photons that cross the inner face uniformly in (u, v) over the fiducial region.

    Parameters
    ----------
    config
        Energies and beam spot.
    rng
        Source of the random numbers.
    n
        How many.

    Returns
    -------
    Photons
        Their first interactions follow an exponential along their way, truncated where it leaves the
        xenon: every photon converts.
    """
    energy = rng.uniform(*config.energy, n)
    reach = np.array([FIDUCIAL.u_max, FIDUCIAL.v_max])
    uv = rng.uniform(-reach, reach, (n, 2))
    crossing = uvw_to_xyz(np.column_stack([uv, np.zeros(n)]))
    vertex = draw_vertices(config.vertex_spread, rng, n)
    way = crossing - vertex
    direction = way / np.linalg.norm(way, axis=1, keepdims=True)
    return Photons(energy, vertex, direction, crossing, _convert(crossing, direction, rng))


def draw_vertices(spread: float, rng: np.random.Generator, n: int) -> FloatArray:
    """Draw points of the muon stopping target: a Gaussian beam spot projected onto the slanted foil.

    Parameters
    ----------
    spread
        Standard deviation of the spot across the beam, in cm.
    rng
        Source of the random numbers.
    n
        How many.

    Returns
    -------
    numpy.ndarray
        (n, 3) in cm. Muons that miss the elliptical foil are drawn again.
    """
    slant = np.deg2rad(CONSTANTS.target_slant)
    half = np.array([CONSTANTS.target_half_length * np.sin(slant), CONSTANTS.target_half_height])
    spot = np.zeros((n, 2))
    missing = np.ones(n, dtype=np.bool_)
    while missing.any():
        spot[missing] = spread * rng.standard_normal((np.count_nonzero(missing), 2))
        missing = ((spot / half) ** 2).sum(axis=1) > 1.0
    return np.column_stack([spot, spot[:, 0] / np.tan(slant)])


def _convert(crossing: FloatArray, direction: FloatArray, rng: np.random.Generator) -> FloatArray:
    points = crossing.copy()
    outside = np.ones(len(crossing), dtype=np.bool_)
    while outside.any():
        depth = rng.exponential(CONSTANTS.attenuation_length, (np.count_nonzero(outside), 1))
        points[outside] = crossing[outside] + depth * direction[outside]
        outside = ~in_xenon(points)
    return points
