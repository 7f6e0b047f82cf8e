"""Events of no photon, one or several."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xec_data.checking.check import check_file
from xec_data.reading.columns import read_columns
from xec_data.reading.truth import read_truth
from xec_data.schema.branches import INVALID, TRUTH_BRANCHES
from xec_data.simulation import SimulationConfig, expected_photons, simulate_events, simulate_file
from xec_data.simulation.constants import CONSTANTS, RESPONSES
from xec_data.simulation.fast_light import FastLight
from xec_data.simulation.pile_up import draw_photons
from xec_data.simulation.readout import Readout, draw_times
from xec_data.simulation.shower import shower_deposits
from xec_data.simulation.source import emit_photons
from xec_data.simulation.streams import BLOCK_SIZE, Stage, generator, sensor_gains
from xec_geometry import N_SENSORS, sensor_kinds

DECAY_TIME = 45e-9  # detector page
ENERGY = (0.015, 0.060)
N = 3 * BLOCK_SIZE + 8


def _simulate(n=N, chunk_size=1000, **settings):
    chunks = list(simulate_events(SimulationConfig(**settings), n, chunk_size=chunk_size))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@pytest.fixture(scope="module")
def mixed():
    return _simulate(seed=4, shower=False, energy=ENERGY, photons=(0, 4))


def _photons(seed=4, blocks=200, n=BLOCK_SIZE, **settings):
    config = SimulationConfig(seed=seed, energy=ENERGY, **settings)
    return [draw_photons(config, block, n) for block in range(blocks)]


def test_single_photons_are_those_of_a_simulation_without_pile_up():
    """One block by hand: source, shower, light and readout of single photons, streams in their order."""
    seed = 21
    photons = emit_photons(SimulationConfig(), generator(seed, Stage.SOURCE, 0), BLOCK_SIZE)
    deposits = shower_deposits(photons, generator(seed, Stage.SHOWER, 0), 20)
    efficiency, single, noise = np.array(
        [(r.efficiency, r.single_spread, r.noise) for r in map(RESPONSES.get, sensor_kinds().tolist())]
    ).T
    rng = generator(seed, Stage.READOUT, 0)
    events = _simulate(BLOCK_SIZE, seed=seed)
    for i, (light, arrival) in enumerate(FastLight(20).shine(deposits)):
        electrons = rng.poisson(light * efficiency)
        spread = np.sqrt(electrons * single**2 + noise**2)
        npho = (electrons + spread * rng.standard_normal(N_SENSORS)) * (sensor_gains(seed) / efficiency)
        number = np.maximum(electrons, 1).astype(np.float64)
        first = np.maximum(np.rint(0.05 * number), 1.0)
        waiting = rng.standard_gamma(first) / ((number - (first - 1.0) / 2.0) / DECAY_TIME)
        jitter = np.sqrt(1.0e-9**2 / number + 5e-11**2)
        time = arrival + (waiting + jitter * rng.standard_normal(N_SENSORS))
        valid = npho >= 100
        start = time[valid].min()
        assert np.array_equal(events["npho"][i], npho.astype(np.float32))
        assert np.array_equal(events["relative_time"][i], np.where(valid, time - start, INVALID).astype("f4"))
        assert events["timeTruth"][i] == np.float32(-start)
    assert np.array_equal(events["energyTruth"], photons.energy.astype(np.float32))
    assert np.array_equal(events["xyzTruth"], photons.conversion.astype(np.float32))
    assert np.all(events["n_gamma"] == 1)


@pytest.mark.parametrize(("low", "high"), [(0, 4), (1, 3), (2, 2)])
def test_every_number_of_photons_is_as_frequent(low, high):
    numbers = np.concatenate([drawn.number for drawn in _photons(photons=(low, high), blocks=60)])
    counts = np.bincount(numbers, minlength=high + 1)
    assert not counts[:low].any()
    assert low == high or stats.chisquare(counts[low:]).pvalue > 1e-3


def test_numbers_are_drawn_event_by_event(mixed):
    counts = np.bincount(mixed["n_gamma"], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-3
    # Neighbours do not know of each other.
    assert abs(np.corrcoef(mixed["n_gamma"][1:], mixed["n_gamma"][:-1])[0, 1]) < 4 / np.sqrt(N)


def test_later_photons_begin_uniformly_around_the_first():
    drawn = _photons(photons=(3, 3), blocks=60, pile_up_window=100e-9)
    delay = np.concatenate([block.delay for block in drawn], axis=1)
    assert not delay[0].any()
    for k in (1, 2):
        assert stats.kstest(delay[k] / 100e-9 + 0.5, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(delay[1], delay[2])[0, 1]) < 4 / np.sqrt(delay.shape[1])
    assert SimulationConfig().pile_up_window == pytest.approx(4 * DECAY_TIME)


def test_truth_is_that_of_the_brightest_photon(mixed):
    config = SimulationConfig(seed=4, shower=False, energy=ENERGY, photons=(0, 4))
    drawn = draw_photons(config, 0, BLOCK_SIZE)
    for i, n in enumerate(drawn.number):
        assert mixed["n_gamma"][i] == n
        if n:
            energies = [photons.energy[i] for photons in drawn.photons[:n]]
            best = int(np.argmax(energies))
            assert mixed["energyTruth"][i] == np.float32(max(energies))
            assert np.array_equal(mixed["xyzTruth"][i], drawn.photons[best].conversion[i].astype("f4"))
            assert np.array_equal(mixed["xyzVTX"][i], drawn.photons[best].vertex[i].astype("f4"))
            assert np.array_equal(mixed["emiVec"][i], drawn.photons[best].direction[i].astype("f4"))


def test_of_equal_energies_the_first_photon_counts():
    several, single = (_simulate(20, seed=5, shower=False, photons=(n, n)) for n in (3, 1))
    for name in ("energyTruth", "xyzTruth", "emiAng", "xyzVTX"):
        assert np.array_equal(several[name], single[name])


def test_events_without_photons_are_noise(mixed):
    dark = mixed["n_gamma"] == 0
    npho = mixed["npho"][dark]
    assert dark.sum() > 10
    assert abs(npho.mean()) < 4 * npho.std() / np.sqrt(npho.size)
    assert np.abs(npho).max() < 60
    assert np.all(mixed["relative_time"][dark] == INVALID)
    for name in {*TRUTH_BRANCHES} - {"n_gamma"}:
        assert np.all(mixed[name][dark] == np.float32(INVALID))
        assert np.all(np.abs(mixed[name][~dark]) < 100)


def test_light_of_photons_adds_up():
    config = SimulationConfig(seed=6, shower=False, energy=ENERGY, photons=(0, 4))
    (events,) = simulate_events(config, BLOCK_SIZE)
    drawn = draw_photons(config, 0, BLOCK_SIZE)
    expected = sum(
        present[:, np.newaxis] * expected_photons(photons.conversion, photons.energy)
        for photons, present in zip(drawn.photons, drawn.present, strict=True)
    ) * sensor_gains(6)
    efficiency = np.where(sensor_kinds() == "SiPM", 0.12, 0.16)
    bright = (expected * efficiency > 20) & (expected < 50_000)
    pull = ((events["npho"] - expected) * np.sqrt(efficiency / np.maximum(expected, 1)))[bright]
    assert abs(pull.mean()) < 4 * pull.std() / np.sqrt(pull.size)
    # Excess noise: between one and that of the sensors, 1 + 0.45².
    assert 1.0 < pull.var() < 1.25


def _earliest(rng, starts, counts, wanted, n):
    """Times of the j-th photoelectron, photoelectron by photoelectron."""
    every = [
        start + rng.exponential(DECAY_TIME, (n, count)) for start, count in zip(starts, counts, strict=True)
    ]
    return np.sort(np.concatenate(every, axis=1), axis=1)[:, wanted - 1]


@pytest.mark.parametrize(
    ("starts", "counts"),
    [
        ([0.0, 20e-9], [400, 300]),  # the first one alone reaches the fraction
        ([30e-9, 0.0], [2000, 60]),  # a faint one before a bright one: 103 are wanted
        ([0.0, 6e-9], [200, 200]),  # either
        ([0.0, 5e-9, 9e-9, 40e-9], [30, 300, 40, 900]),
        ([0.0, 10e-9], [1, 0]),
        ([0.0, 0.0], [100, 100]),
    ],
)
def test_time_of_overlapping_pulses_is_that_of_their_earliest_photoelectrons(starts, counts):
    n, rng = 3000, np.random.default_rng(5)
    total = sum(counts)
    wanted = max(1, round(0.05 * total))
    exact = _earliest(rng, starts, counts, wanted, n)
    exact += rng.normal(0, np.hypot(1e-9 / np.sqrt(total), 5e-11), n)
    columns = [np.repeat(np.array(values)[:, np.newaxis], 2 * n, axis=1) for values in (starts, counts)]
    drawn = draw_times(*columns, rng)
    assert stats.ks_2samp(exact, drawn).pvalue > 1e-3


def test_a_pulse_without_light_changes_no_distribution():
    rng = np.random.default_rng(6)
    starts, counts = np.zeros((2, 4000)), np.full((2, 4000), 300)
    starts[1], counts[1] = 1e-9, 0
    alone = draw_times(starts[:1], counts[:1], rng)
    assert stats.ks_2samp(draw_times(starts, counts, rng), alone).pvalue > 1e-3


def test_the_clock_is_that_of_all_photons():
    readout, rng = Readout(SimulationConfig(seed=1)), np.random.default_rng(7)
    light = np.full((2, N_SENSORS), 5000.0)
    light[1] *= 4
    arrival = np.repeat([[50e-9], [0.0]], N_SENSORS, axis=1)
    _, time, first = readout.read(light, arrival, rng)
    # 5 % of all photoelectrons, 4 of 5 of which belong to the earlier photon.
    delay = -DECAY_TIME * np.log(1 - 0.05 * 5 / 4)
    assert (time - first).mean() == pytest.approx(delay, abs=0.05e-9)


def test_true_time_is_on_the_clock_of_the_readings(mixed):
    """The light of the brightest photon cannot arrive before it; close sensors see it soon after."""
    several = np.flatnonzero(mixed["n_gamma"] > 1)
    single = mixed["n_gamma"] == 1
    assert np.all(mixed["timeTruth"][single] < 0)
    # The earliest light sets the clock; the brightest photon comes up to the window later, or first.
    assert mixed["timeTruth"][several].max() < 180e-9
    assert mixed["timeTruth"][several].max() > 50e-9
    assert mixed["timeTruth"][several].min() > -5e-9


@pytest.mark.parametrize("chunk_size", [1, 50, BLOCK_SIZE])
def test_chunks_and_numbers_of_events_change_nothing(mixed, chunk_size):
    again = _simulate(BLOCK_SIZE + 9, chunk_size, seed=4, shower=False, energy=ENERGY, photons=(0, 4))
    for name, array in again.items():
        assert np.array_equal(array, mixed[name][: BLOCK_SIZE + 9])


def test_the_most_photons_do_not_change_the_first_ones():
    few, many = (_photons(photons=(low, 4), blocks=1)[0] for low in (1, 3))
    two = _photons(photons=(1, 2), blocks=1)[0]
    for k in range(2):
        for other in (many, two):
            assert np.array_equal(few.photons[k].conversion, other.photons[k].conversion)
            assert np.array_equal(few.delay[k], other.delay[k])
    assert not np.array_equal(few.photons[0].conversion, few.photons[1].conversion)


def test_a_file_is_the_same_whatever_the_processes_and_good_for_the_number(tmp_path, mixed):
    config = SimulationConfig(seed=4, shower=False, energy=ENERGY, photons=(0, 4))
    path = tmp_path / "pile_up.root"
    simulate_file(path, config, 100, processes=2, chunk_size=37)
    written = read_columns(path)
    for name in ("n_gamma", "timeTruth", "xyzTruth"):
        assert np.array_equal(written[name], mixed[name][:100])
    angles = read_truth(path, ["emiAng"])["emiAng"]
    no_value = angles == np.float32(INVALID)
    assert np.array_equal(no_value.all(axis=1), written["n_gamma"] == 0)
    assert np.allclose(angles[~no_value], np.degrees(mixed["emiAng"][:100][~no_value]))
    report = check_file(path)
    assert report.usable["n_gamma"]
    assert not report.usable["energy"]
    dark = np.flatnonzero(mixed["n_gamma"][:100] == 0)
    assert report.reasons["energy"] == [
        f"energyTruth is invalid in {len(dark)} of 100 events (first: entry {dark[0]})"
    ]


def test_noise_alone():
    events = _simulate(5, seed=8, photons=(0, 0), dead_fraction=0.1)
    assert not events["n_gamma"].any()
    assert np.all(events["relative_time"] == INVALID)
    assert np.all(events["npho"][events["dead"]] == INVALID)


def test_window_of_the_constants():
    assert CONSTANTS.pile_up_window == pytest.approx(180e-9)
