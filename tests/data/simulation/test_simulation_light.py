import numpy as np
import pytest

from xec_data.simulation import SimulationConfig, expected_photons
from xec_data.simulation.fast_light import TOLERANCE, FastLight
from xec_data.simulation.light_map import arrival_probability, unshadowed
from xec_data.simulation.shower import Deposits, shower_deposits
from xec_data.simulation.source import emit_photons
from xec_data.simulation.volume import in_xenon
from xec_geometry import (
    FACES,
    MIRRORS,
    N_SENSORS,
    face_ids,
    mirrored_sensors,
    mirrored_vectors,
    sensor_areas,
    sensor_normals,
    sensor_positions,
    solid_angle,
    uvw_to_xyz,
)
from xec_geometry.detector.parameters import (
    CENTER_IDS,
    INNER_RADIUS,
    OUTER_RADIUS,
    PMT_RADIUS,
    TABLE_ACCURACY,
)

# Detector page for the first two; the simulation's own choices for the others.
ENERGY_PER_PHOTON, INDEX = 21.6e-9, 1.65
ABSORPTION, DIFFUSE, SCATTERING, DETOUR = 200.0, 0.15, 40.0, 20.0
SLOWNESS = INDEX / 29.9792458e9


def _light(xyz):
    """Probabilities of straight and of diffuse light, (n, N_SENSORS) each, by the definition."""
    distance = np.linalg.norm(sensor_positions() - xyz[:, np.newaxis], axis=2)
    absorbed = np.exp(-distance / ABSORPTION)
    straight = (1 - DIFFUSE) * absorbed * solid_angle(xyz) * unshadowed(xyz, sensor_positions())
    diffuse = DIFFUSE * absorbed * sensor_areas() / (4 * np.pi * (distance**2 + SCATTERING**2))
    return straight, diffuse, distance


@pytest.fixture(scope="module")
def showers():
    rng = np.random.default_rng(5)
    showers = shower_deposits(emit_photons(SimulationConfig(), rng, 24), rng, 20)
    # What is hard for approximations: deposits close to sensors of each kind, gaps, corners.
    hard = np.concatenate([face_ids(face)[[0, -1]] for face in FACES])
    points = sensor_positions()[hard] + rng.uniform(0.02, 3.0, (len(hard), 1)) * sensor_normals()[hard]
    xyz = showers.xyz.copy()
    xyz[0, : len(hard)], showers.contained[0, : len(hard)] = points, in_xenon(points)
    assert showers.contained[0, : len(hard)].sum() > len(hard) / 2
    return Deposits(xyz, showers.energy, showers.time, showers.contained)


def test_light_map_in_front_of_a_pmt_is_the_closed_form():
    pmt = face_ids("outer_center")[-1]
    point = sensor_positions()[pmt] + 10.0 * sensor_normals()[pmt]
    photons = expected_photons(point[np.newaxis], 0.0528)[0, pmt]
    straight = (1 - 10.0 / np.hypot(10.0, PMT_RADIUS)) / 2
    diffuse = np.pi * PMT_RADIUS**2 / (4 * np.pi * (10.0**2 + SCATTERING**2))
    probability = np.exp(-10.0 / ABSORPTION) * ((1 - DIFFUSE) * straight + DIFFUSE * diffuse)
    assert photons == pytest.approx(0.0528 / ENERGY_PER_PHOTON * probability, rel=1e-9)


def test_light_map_is_the_definition_everywhere():
    rng = np.random.default_rng(1)
    xyz = uvw_to_xyz(rng.uniform([-30, -60, 0.1], [30, 60, 40], (20, 3)))
    straight, diffuse, _ = _light(xyz)
    energy = rng.uniform(0.01, 0.06, 20)
    expected = (straight + diffuse) * energy[:, np.newaxis] / ENERGY_PER_PHOTON
    assert np.allclose(expected_photons(xyz, energy), expected, rtol=1e-12)


def test_light_map_is_smaller_than_all_light_and_seen_by_all_sensors():
    xyz = uvw_to_xyz([[0.0, 0.0, 2.0], [20.0, 60.0, 30.0]])
    photons = expected_photons(xyz, 0.0528)
    assert photons.shape == (2, N_SENSORS)
    assert photons.dtype == np.float64
    assert np.all(photons > 0)
    assert np.all(photons.sum(axis=1) < 0.6 * 0.0528 / ENERGY_PER_PHOTON)
    assert photons[0].argmax() in face_ids("inner")


def test_light_map_outside_of_the_xenon_is_dark():
    xyz = np.array([[0.0, 0.0, 0.0], [-INNER_RADIUS + 1, 0.0, 0.0], [-OUTER_RADIUS - 1, 0.0, 0.0]])
    assert not expected_photons(xyz, 0.05).any()


def test_light_map_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(n, 3\)"):
        expected_photons(np.zeros(3), 0.05)


def test_shadow_of_the_inner_cylinder_by_walking_along_the_line():
    rng = np.random.default_rng(2)
    points = uvw_to_xyz(rng.uniform([-30, -65, 0.5], [30, 65, 40], (60, 3)))
    sensors = sensor_positions()[face_ids("inner").size :: 5]
    steps = np.linspace(0, 1, 1001)[:, np.newaxis, np.newaxis]
    x, y = ((1 - steps) * points[:, i, np.newaxis] + steps * sensors[:, i] for i in (0, 1))
    nearest = np.hypot(x, y).min(axis=0)
    clear = np.abs(nearest - INNER_RADIUS) > 0.01  # the walk has steps of a tenth of a centimetre
    seen = unshadowed(points, sensors)
    assert np.array_equal(seen[clear], (nearest > INNER_RADIUS)[clear])
    assert 0.02 < 1 - seen.mean() < 0.5


def test_fast_light_is_the_sum_of_the_light_map(showers):
    for event, (photons, _) in enumerate(FastLight(20).shine(showers)):
        expected = expected_photons(showers.xyz[event], showers.energy[event]).sum(axis=0)
        assert np.abs(photons / expected - 1).max() < TOLERANCE
        assert photons.sum() == pytest.approx(expected.sum(), rel=1e-4)


def test_fast_arrival_is_the_mean_of_times_and_ways(showers):
    for event, (_, arrival) in enumerate(FastLight(20).shine(showers)):
        straight, diffuse, distance = _light(showers.xyz[event])
        energy = np.where(showers.contained[event], showers.energy[event], 0.0)
        when = showers.time[event][:, np.newaxis] + SLOWNESS * distance
        mean = energy @ (straight * when + diffuse * (when + SLOWNESS * DETOUR))
        expected = mean / (energy @ (straight + diffuse))
        assert np.abs(arrival - expected).max() < 5e-12  # s, a hundredth of the smallest jitter


def test_an_event_that_leaks_altogether_is_dark(showers):
    nothing = Deposits(
        showers.xyz[:2], showers.energy[:2], showers.time[:2], np.zeros_like(showers.contained[:2])
    )
    for photons, arrival in FastLight(20).shine(nothing):
        assert not photons.any()
        assert np.isfinite(arrival).all()


@pytest.mark.parametrize("mirror", MIRRORS)
def test_the_light_of_a_reflected_point_is_the_reflected_light(mirror):
    rng = np.random.default_rng(4760)
    points = uvw_to_xyz(rng.uniform([-24, -68, 0.5], [24, 68, 38], (40, 3)))
    light, reflected = arrival_probability(points), arrival_probability(mirrored_vectors(points, mirror))
    expected = light[:, mirrored_sensors(mirror)]
    # The centre patch is as symmetric as the table is accurate.
    patch = np.isin(np.arange(N_SENSORS), CENTER_IDS)
    np.testing.assert_allclose(reflected[:, ~patch], expected[:, ~patch], rtol=1e-9)
    np.testing.assert_allclose(reflected[:, patch], expected[:, patch], rtol=TABLE_ACCURACY)
    assert (mirror == "none") == np.allclose(reflected, light, rtol=0.1)
