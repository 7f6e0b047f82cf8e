"""The solid angle of a PMT: a disc."""

from __future__ import annotations

from math import comb

import numpy as np

from xec_geometry.detector import parameters as p
from xec_geometry.support.arrays import FloatArray

# Beyond this many radii the series below has all digits with the terms below; it costs far less than
# elliptic integrals, which lose digits there.
_FAR = 4.0
_FAR_TERMS = 14


def disc_solid_angle(x: FloatArray, y: FloatArray, d: FloatArray, radius: float = p.PMT_RADIUS) -> FloatArray:
    """Return the solid angle of a disc.

    Parameters
    ----------
    x, y, d
        (…) coordinates of the point in cm: in the disc's plane, from its centre, and in front of it,
        d ≥ 0.
    radius
        Of the disc, in cm.

    Returns
    -------
    numpy.ndarray
        (…) float64, steradian. For d = 0 the limit from the front: 2π on the disc, π on its rim, 0
        beside it.
    """
    x, y, d = np.broadcast_arrays(x, y, d)
    distance_squared = x * x + y * y + d * d
    far = distance_squared > (_FAR * radius) ** 2
    omega = _far_from_disc(np.where(far, distance_squared, 1.0), np.where(far, d, 0.0), radius)
    near = ~far
    if near.any():
        omega[near] = disc_by_elliptic_integrals(np.hypot(x[near], y[near]), d[near], radius)
    return omega


def disc_by_elliptic_integrals(offset: FloatArray, d: FloatArray, radius: float) -> FloatArray:
    """Return the solid angle of a disc by complete elliptic integrals, for points near it.

    Parameters
    ----------
    offset
        (…) distance of the point from the disc's axis, in cm.
    d
        (…) distance from its plane, d ≥ 0, in cm.
    radius
        Of the disc, in cm.

    Returns
    -------
    numpy.ndarray
        (…) float64, steradian.

    Notes
    -----
    Ω = 2π·[offset < R] − 2d/r_max·(K(k) + (R − offset)/(R + offset)·Π(α², k)), after Paxton (1959),
    with K and Π in Carlson's symmetric forms, which take 1 − k² and 1 − α² without loss.
    """
    from scipy.special import elliprf, elliprj

    step = (radius - offset) / (radius + offset)
    farthest = (radius + offset) ** 2 + d * d
    k_complement = ((radius - offset) ** 2 + d * d) / farthest
    # On the rim's cylinder and in its plane the integrals diverge; their limits are set below.
    on_rim, in_plane = step == 0, d == 0
    alpha_complement = np.where(on_rim, 1.0, step * step)
    k_complement = np.where(in_plane, 1.0, k_complement)
    first = elliprf(0.0, k_complement, 1.0)
    third = first + (1 - alpha_complement) / 3 * elliprj(0.0, k_complement, 1.0, alpha_complement)
    base = np.pi * (1 + np.sign(radius - offset))
    omega = base - 2 * d / np.sqrt(farthest) * (first + step * third)
    return np.where(in_plane, base, np.maximum(omega, 0.0))


def _far_from_disc(distance_squared: FloatArray, d: FloatArray, radius: float) -> FloatArray:
    """Sum 2π·Σ_m (−1)^(m+1)·C(2m, m)/4^m·(R/r)^(2m)·P_(2m−1)(cos θ).

    The solid angle is a harmonic function outside of the disc's sphere; on the axis the series is
    that of 1 − d/√(d² + R²).
    """
    cosine = d / np.sqrt(distance_squared)
    ratio = radius * radius / distance_squared
    even, odd = np.ones_like(cosine), cosine
    power, omega = ratio, np.zeros_like(cosine)
    for m in range(1, _FAR_TERMS + 1):
        omega += (-1) ** (m + 1) * comb(2 * m, m) / 4**m * power * odd
        power = power * ratio
        even = ((4 * m - 1) * cosine * odd - (2 * m - 1) * even) / (2 * m)
        odd = ((4 * m + 1) * cosine * even - 2 * m * odd) / (2 * m + 1)
    return 2 * np.pi * omega
