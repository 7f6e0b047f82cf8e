import numpy as np
import pytest
from scipy import stats

from xec_data.schema.branches import INVALID
from xec_data.simulation import SimulationConfig
from xec_data.simulation.constants import RESPONSES
from xec_data.simulation.readout import Readout, draw_delays
from xec_data.simulation.streams import dead_sensors, sensor_gains
from xec_geometry import N_SENSORS, sensor_kinds

SEED = 11
DECAY_TIME = 45e-9  # detector page


def _read(photons, arrival=0.0, events=1, **settings):
    readout = Readout(SimulationConfig(seed=SEED, **settings))
    rng = np.random.default_rng(6)
    light = np.full(N_SENSORS, photons), np.full(N_SENSORS, arrival)
    npho, time, start = zip(*(readout.read(*light, rng) for _ in range(events)), strict=True)
    return np.array(npho), np.array(time), np.array(start)


@pytest.mark.parametrize(("kind", "efficiency"), [("SiPM", 0.12), ("PMT", 0.16)])  # detector page
def test_counts_have_the_mean_and_variance_of_photoelectrons(kind, efficiency):
    photons, events = 1000.0, 200
    npho, _, _ = _read(photons, events=events)
    those = sensor_kinds() == kind
    electrons = (npho / sensor_gains(SEED))[:, those] * efficiency
    mean = photons * efficiency
    response = RESPONSES[kind]
    assert response.efficiency == efficiency
    variance = mean * (1 + response.single_spread**2) + response.noise**2
    n = electrons.size
    assert abs(electrons.mean() - mean) < 4 * np.sqrt(variance / n)
    # The variance of a variance, for a distribution near a Gaussian.
    assert abs(electrons.var() - variance) < 4 * variance * np.sqrt(2.2 / n)


def test_without_light_counts_are_noise_around_zero():
    npho, time, start = _read(0.0, events=20)
    assert abs(npho.mean()) < 4 * npho.std() / np.sqrt(npho.size)
    assert 0.45 < np.mean(npho < 0) < 0.55
    assert npho.min() > -60
    assert np.all(time == INVALID)
    assert not start.any()


def test_gains_belong_to_the_seed():
    gains = sensor_gains(SEED)
    assert np.array_equal(gains, sensor_gains(SEED))
    assert not np.array_equal(gains, sensor_gains(SEED + 1))
    assert abs(gains.mean() - 1) < 4 * 0.02 / np.sqrt(N_SENSORS)
    assert gains.std() == pytest.approx(0.02, abs=4 * 0.02 / np.sqrt(2 * N_SENSORS))


def test_times_below_the_threshold_are_invalid():
    npho, time, _ = _read(110.0, npho_threshold=100.0)
    assert 0.1 < np.mean(npho < 100) < 0.6
    assert np.array_equal(time == INVALID, npho < 100)
    npho, time, _ = _read(110.0, npho_threshold=20.0)
    assert np.array_equal(time == INVALID, npho < 20)


def test_earliest_valid_time_is_the_zero_of_the_clock():
    _, time, start = _read(5000.0, arrival=3e-9, events=20)
    earliest = np.where(time < INVALID, time, np.inf).min(axis=1)
    assert not earliest.any()
    # On the clock of the first interaction, everything is later by arrival and delay: 5 % of the light.
    since = (time - start[:, np.newaxis]).mean()
    assert since == pytest.approx(3e-9 - DECAY_TIME * np.log(1 - 0.05), abs=0.05e-9)


@pytest.mark.parametrize("number", [1, 12, 30, 200, 3000])
def test_delays_are_those_of_the_earliest_photoelectrons(number):
    n = 1500
    rng = np.random.default_rng(7)
    th = max(1, round(0.05 * number))
    arrivals = np.sort(rng.exponential(DECAY_TIME, (n, number)), axis=1)[:, th - 1]
    arrivals += rng.normal(0, np.hypot(1e-9 / np.sqrt(number), 5e-11), n)
    delays = draw_delays(np.full(4 * n, number), rng)
    assert stats.ks_2samp(arrivals, delays).pvalue > 1e-3


def test_time_resolution_improves_as_the_root_of_the_light():
    rng = np.random.default_rng(8)
    widths = [draw_delays(np.full(20_000, number), rng).std() for number in (100, 400, 1600)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.1)


def test_dead_sensors_read_nothing():
    npho, time, _ = _read(5000.0, dead_fraction=0.1, events=3)
    dead = dead_sensors(SEED, 0.1)
    assert dead.sum() == round(0.1 * N_SENSORS)
    for values in (npho, time):
        assert np.array_equal(values == INVALID, np.broadcast_to(dead, values.shape))


def test_a_dead_sensor_does_not_set_the_clock():
    light = np.full(N_SENSORS, 5000.0), np.full(N_SENSORS, 5e-9)
    readout = Readout(SimulationConfig(seed=SEED, dead_fraction=0.5))
    light[1][readout.dead] = 0.0
    _, time, start = readout.read(*light, np.random.default_rng(9))
    assert time.min() == 0.0
    assert start < -5e-9


def test_more_dead_sensors_include_the_fewer():
    few, many = dead_sensors(SEED, 0.01), dead_sensors(SEED, 0.3)
    assert many[few].all()
    assert not dead_sensors(SEED, 0.0).any()
    assert not np.array_equal(few, dead_sensors(SEED + 1, 0.01))


def test_noise_free_sensors_read_the_light_itself():
    npho, time, start = _read(1000.0, arrival=3e-9, events=2, noise_free=True)
    np.testing.assert_array_equal(npho, 1000.0)
    np.testing.assert_array_equal(time, 0.0)
    np.testing.assert_array_equal(start, -3e-9)
    dark, none, _ = _read(10.0, noise_free=True, dead_fraction=0.1)
    dead = dead_sensors(SEED, 0.1)
    np.testing.assert_array_equal(dark[0], np.where(dead, INVALID, 10.0))
    # Too few photons for a time.
    np.testing.assert_array_equal(none[0], INVALID)
