import numpy as np
import pytest

from xec_data.simulation import SimulationConfig
from xec_data.simulation.generator import EventGenerator
from xec_data.simulation.shower import draw_profile, point_deposits, shower_deposits
from xec_data.simulation.source import emit_photons
from xec_data.simulation.volume import in_xenon
from xec_geometry.detector.parameters import OUTER_RADIUS

N, K = 4000, 20
# Detector page.
RADIATION_LENGTH, MOLIERE_RADIUS, SPEED_OF_LIGHT = 2.872, 5.2, 29.9792458e9


@pytest.fixture(scope="module")
def photons():
    return emit_photons(SimulationConfig(), np.random.default_rng(1), N)


@pytest.fixture(scope="module")
def deposits(photons):
    return shower_deposits(photons, np.random.default_rng(2), K)


@pytest.fixture(scope="module")
def profile():
    return draw_profile(np.full(N, 0.0528), np.random.default_rng(3), K)


def _mean_and_error(values):
    """Mean over events, whose deposits hang together, and four times its error."""
    events = values.mean(axis=1)
    return events.mean(), 4 * events.std() / np.sqrt(len(events))


def test_no_energy_is_made_or_lost(photons, deposits):
    assert np.all(deposits.energy > 0)
    assert np.allclose(deposits.energy.sum(axis=1), photons.energy, rtol=1e-12)
    assert np.array_equal(deposits.contained, in_xenon(deposits.xyz))


def test_a_small_part_leaks_out(photons, deposits):
    leaked = np.where(deposits.contained, 0.0, deposits.energy).sum(axis=1) / photons.energy
    assert 0.002 < leaked.mean() < 0.03
    # Late conversions leak more, and through the outer face.
    deep = np.hypot(*photons.conversion[:, :2].T) > OUTER_RADIUS - 20
    assert leaked[deep].mean() > 5 * leaked[~deep].mean()


def test_mean_depth_is_that_of_two_electrons(profile):
    depth, _ = profile
    critical = 0.0212 * RADIATION_LENGTH / MOLIERE_RADIUS
    # PDG: b = 0.5, (a − 1)/b = ln(E/E_c) − 0.5, mean a/b, for an electron of half the energy.
    expected = RADIATION_LENGTH * (1 + 0.5 * (np.log(0.0264 / critical) - 0.5)) / 0.5
    mean, error = _mean_and_error(depth)
    assert mean == pytest.approx(expected, abs=error)


def test_ninety_percent_lie_inside_of_the_moliere_radius(profile):
    _, radius = profile
    mean, error = _mean_and_error(radius < MOLIERE_RADIUS)
    assert mean == pytest.approx(0.9, abs=error + 0.001)


def test_showers_are_longer_at_higher_energy_and_exist_at_low_energy():
    means = []
    for energy in (0.002, 0.015, 0.0528, 0.2):
        depth, radius = draw_profile(np.full(N, energy), np.random.default_rng(4), K)
        assert np.isfinite(depth).all()
        assert np.isfinite(radius).all()
        means.append(depth.mean())
    assert means[0] == pytest.approx(means[1], rel=0.05)  # a mere decay below the critical energy
    assert means[1] < means[2] < means[3]


def test_showers_point_along_the_photon(photons, deposits):
    away = deposits.xyz - photons.conversion[:, np.newaxis]
    depth = np.einsum("nki,ni->nk", away, photons.direction)
    across = away - depth[..., np.newaxis] * photons.direction[:, np.newaxis]
    assert np.all(depth >= -1e-9)
    # Symmetric around the axis; tails are long, so that medians are compared, with their error.
    near = np.linalg.norm(across, axis=-1) < MOLIERE_RADIUS
    for i in range(3):
        sideways = across[..., i][near]
        assert abs(sideways.mean()) < 4 * sideways.std() / np.sqrt(near.sum())


def test_deposits_follow_with_the_speed_of_light(photons, deposits):
    away = np.linalg.norm(deposits.xyz - photons.conversion[:, np.newaxis], axis=-1)
    assert np.allclose(deposits.time, away / SPEED_OF_LIGHT, rtol=1e-9, atol=1e-16)


def test_events_fluctuate(photons, deposits):
    centroid = np.einsum("nk,nki->ni", deposits.energy, deposits.xyz) / photons.energy[:, np.newaxis]
    depth = np.einsum("ni,ni->n", centroid - photons.conversion, photons.direction)
    assert 1.0 < depth.std() < 4.0


def test_a_point_deposit_is_the_first_interaction(photons):
    points = point_deposits(photons)
    assert np.array_equal(points.xyz[:, 0], photons.conversion)
    assert np.array_equal(points.energy[:, 0], photons.energy)
    assert not points.time.any()
    assert points.contained.all()


def test_what_leaks_out_is_missing_in_the_light():
    config = SimulationConfig(seed=3, shower=True, noise_free=True)
    generator = EventGenerator(config)
    contained = generator.contained(0)
    block = generator.block(0)
    light = block["npho"].sum(axis=1, dtype=np.float64) / block["energyTruth"]
    assert contained.min() < 0.97
    assert contained.max() == pytest.approx(1)
    # Light depends on the place, too; only a leak makes it small.
    assert np.corrcoef(light, contained)[0, 1] > 0.3
    assert abs(np.corrcoef(light, contained[::-1])[0, 1]) < 0.2
