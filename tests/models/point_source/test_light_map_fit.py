"""The fit of point sources: exact without noise, and the best there is with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import nbinom, poisson

from xec_data import expected_photons
from xec_geometry import N_SENSORS, face_ids, uvw_to_xyz, xyz_to_uvw
from xec_models.point_source.light_map_fit import find_sources, fit_light_map


def points(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-20, 20, n), rng.uniform(-60, 60, n), rng.uniform(1, 25, n)])


def test_sources_are_found_roughly() -> None:
    uvw = points(60)
    npho = np.random.default_rng(1).poisson(expected_photons(uvw_to_xyz(uvw), 0.05))
    off = xyz_to_uvw(find_sources(npho, np.zeros(npho.shape, bool))) - uvw
    assert np.abs(off[:, :2]).max() < 3.0
    assert np.median(np.abs(off[:, 2])) < 1.0


@pytest.mark.parametrize("surplus", [0.0, 1e-3, 1e-1])
def test_a_source_without_noise_is_found_exactly(surplus: float) -> None:
    uvw, energy = points(12, seed=3), np.linspace(0.01, 0.06, 12)
    npho = expected_photons(uvw_to_xyz(uvw), energy)
    hidden = np.random.default_rng(4).random(npho.shape) < 0.3
    npho[:, 7] = np.nan
    fit = fit_light_map(npho, hidden, surplus=surplus, tolerance=1e-8)
    assert fit.converged.all()
    np.testing.assert_allclose(fit.uvw, uvw, atol=1e-6)
    np.testing.assert_allclose(fit.energy, energy, rtol=1e-7)
    np.testing.assert_allclose(fit.photons, expected_photons(uvw_to_xyz(uvw), energy), rtol=1e-6)


@pytest.mark.parametrize("surplus", [0.0, 1e-2])
def test_no_point_is_more_likely(surplus: float) -> None:
    """Against a search without derivatives in the likelihood of scipy's own distributions."""
    uvw, energy = points(1, seed=5), 0.03
    rng = np.random.default_rng(6)
    mean = expected_photons(uvw_to_xyz(uvw), energy)
    npho = rng.negative_binomial(100, 100 / (100 + mean)).astype(float)
    hidden = rng.random(npho.shape) < 0.5
    fit = fit_light_map(npho, hidden, surplus=surplus, tolerance=1e-7)

    def unlikely(p: np.ndarray) -> float:
        mu = expected_photons(uvw_to_xyz(p[np.newaxis, :3]), np.exp(p[3]))[0]
        size = 1 / max(surplus, 1e-30)
        terms = nbinom.logpmf(npho[0], size, size / (size + mu)) if surplus else poisson.logpmf(npho[0], mu)
        return -float(terms[~hidden[0]].sum())

    found = np.append(fit.uvw[0], np.log(fit.energy[0]))
    best = minimize(unlikely, found + np.array([0.3, -0.3, 0.4, 0.05]), method="Nelder-Mead",
                    options={"xatol": 1e-5, "fatol": 1e-7, "maxfev": 900})  # fmt: skip
    assert unlikely(found) <= best.fun + 1e-4
    np.testing.assert_allclose(found, best.x, atol=3e-3)


def test_sources_close_to_the_inner_face() -> None:
    """They are found nearer than the fits start; a fit that ends at its limit converges, too."""
    depth = np.array([0.015, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.28])
    uvw = np.column_stack([*points(len(depth), seed=8)[:, :2].T, depth])
    npho = np.random.default_rng(9).poisson(expected_photons(uvw_to_xyz(uvw), 0.0528)).astype(float)
    fit = fit_light_map(npho, np.zeros(npho.shape, bool))
    assert fit.converged.all()
    assert fit.uvw[0, 2] == 0.02
    np.testing.assert_allclose(fit.uvw[:, 2], depth, atol=0.01)
    np.testing.assert_allclose(fit.energy, 0.0528, rtol=0.01)


def test_sources_stay_in_the_xenon_whatever_the_readings() -> None:
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 5, N_SENSORS)
    npho = np.zeros((5, N_SENSORS))
    npho[0] = noise * np.sign(noise.sum())
    npho[1, face_ids("inner")[0]] = 1e6
    npho[2] = 1e3
    npho[3] = -4.0
    npho[4] = -npho[0]
    fit = fit_light_map(npho, np.zeros(npho.shape, bool))
    assert np.isfinite(fit.uvw[:3]).all()
    assert np.isfinite(fit.photons[:3]).all()
    assert np.isnan(fit.uvw[3:]).all()
    assert not fit.converged[3:].any()
