"""Showers: energy deposits of a photon, and leakage out of the xenon."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xec_data.simulation.arrays import BoolArray, FloatArray
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.source import Photons
from xec_data.simulation.volume import in_xenon


class Deposits(NamedTuple):
    """Energy deposits of n events, k points each.

    Attributes
    ----------
    xyz
        (n, k, 3) in cm.
    energy
        (n, k) in GeV; an event's deposits sum up to the energy of its photon.
    time
        (n, k) in s after the first interaction.
    contained
        (n, k): True in the xenon; the energy of the others is lost.
    """

    xyz: FloatArray
    energy: FloatArray
    time: FloatArray
    contained: BoolArray


def point_deposits(photons: Photons) -> Deposits:
    """Leave all energy at the first interaction point."""
    xyz = photons.conversion[:, np.newaxis, :]
    energy = photons.energy[:, np.newaxis]
    return Deposits(xyz, energy, np.zeros_like(energy), np.ones(energy.shape, dtype=np.bool_))


def shower_deposits(photons: Photons, rng: np.random.Generator, k: int) -> Deposits:
    """Spread the energy of every photon over `k` points of a shower along its direction.

    Parameters
    ----------
    photons
        n photons with their first interactions.
    rng
        Source of the random numbers.
    k
        Points per event.

    Returns
    -------
    Deposits
        Depths behind the first interaction follow a Gamma function, stretched from event to event;
        lateral distances widen with depth; the energy is divided at random (exponential fractions), so
        that depth, width and leakage fluctuate.
    """
    n = len(photons.energy)
    depth, radius = draw_profile(photons.energy, rng, k)
    azimuth = rng.uniform(0.0, 2.0 * np.pi, (n, k))
    across, beside = _transverse(photons.direction)
    xyz = (
        photons.conversion[:, np.newaxis, :]
        + depth[..., np.newaxis] * photons.direction[:, np.newaxis, :]
        + (radius * np.cos(azimuth))[..., np.newaxis] * across[:, np.newaxis, :]
        + (radius * np.sin(azimuth))[..., np.newaxis] * beside[:, np.newaxis, :]
    )
    share = rng.standard_exponential((n, k))
    energy = photons.energy[:, np.newaxis] * share / share.sum(axis=1, keepdims=True)
    time = np.hypot(depth, radius) / CONSTANTS.speed_of_light
    return Deposits(xyz, energy, time, in_xenon(xyz))


def draw_profile(energy: FloatArray, rng: np.random.Generator, k: int) -> tuple[FloatArray, FloatArray]:
    """Draw depths and lateral distances of deposits from the shower profile.

    Parameters
    ----------
    energy
        (n,) in GeV.
    rng
        Source of the random numbers.
    k
        Points per event.

    Returns
    -------
    depth, radius
        (n, k) each, in cm from the first interaction, along the photon's direction and across it.
    """
    n = len(energy)
    per_electron = energy / CONSTANTS.conversion_electrons
    maximum = np.log(per_electron / CONSTANTS.critical_energy) + CONSTANTS.profile_maximum
    # Below a few critical energies there is no maximum any more, only a decay.
    shape = 1.0 + CONSTANTS.profile_b * np.maximum(maximum, 0.0)
    spread = CONSTANTS.profile_spread
    stretch = np.exp(spread * rng.standard_normal(n) - spread**2 / 2)
    length = CONSTANTS.radiation_length / CONSTANTS.profile_b * stretch
    depth = rng.standard_gamma(shape[:, np.newaxis], (n, k)) * length[:, np.newaxis]
    chance = rng.random((n, k))
    return depth, CONSTANTS.lateral_cone * depth * np.sqrt(chance / (1.0 - chance))


def _transverse(direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Complete unit vectors (n, 3) to right-handed triads; photons of the detector are never along z."""
    across = np.cross(np.array([0.0, 0.0, 1.0]), direction)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return across, np.cross(direction, across)
