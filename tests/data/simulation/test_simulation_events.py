import numpy as np
import pytest

from xec_data.schema.branches import INVALID, SCHEMA
from xec_data.simulation import SimulationConfig, SimulationError, expected_photons, simulate_events
from xec_data.simulation.streams import BLOCK_SIZE, sensor_gains
from xec_geometry import (
    N_SENSORS,
    angles_to_direction,
    face_ids,
    sensor_positions,
    uvw_to_xyz,
    xyz_to_uvw,
)

SLOWNESS = 1.65 / 29.9792458e9  # s/cm, detector page
# One block and a bit: cuts inside of blocks and between them.
N = BLOCK_SIZE + 40


def _simulate(n=N, chunk_size=1000, **settings):
    chunks = list(simulate_events(SimulationConfig(**settings), n, chunk_size=chunk_size))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


@pytest.fixture(scope="module")
def events():
    return _simulate(seed=1, run=7, energy=(0.015, 0.060))


@pytest.fixture(scope="module")
def points():
    return _simulate(seed=2, shower=False)


def test_branches_are_those_of_files(events):
    stored_as = {alias: branch for branch in SCHEMA.values() for alias in (branch.name, *branch.aliases)}
    for name, array in events.items():
        assert array.shape == (N, *stored_as[name].shape)
        assert array.dtype == stored_as[name].dtype
    assert set(events) == {
        *("npho", "relative_time", "emiAng", "energyTruth", "timeTruth", "uvwTruth", "xyzTruth"),
        *("emiVec", "xyzVTX", "n_gamma", "run", "event"),
    }


def test_truth_is_consistent(events):
    assert np.allclose(events["uvwTruth"], xyz_to_uvw(events["xyzTruth"]), atol=2e-5)
    assert np.allclose(uvw_to_xyz(events["uvwTruth"]), events["xyzTruth"], atol=2e-5)
    direction = angles_to_direction(*events["emiAng"].T, degrees=False)
    assert np.allclose(events["emiVec"], direction, atol=1e-6)
    way = events["xyzTruth"] - events["xyzVTX"]
    assert np.allclose(way / np.linalg.norm(way, axis=1, keepdims=True), direction, atol=1e-6)
    assert np.all(events["run"] == 7)
    assert np.array_equal(events["event"], np.arange(N))
    assert np.all((events["energyTruth"] >= 0.015) & (events["energyTruth"] <= 0.060))


def test_clock_begins_with_the_earliest_reading(events):
    valid = events["relative_time"] < INVALID
    assert np.array_equal(valid, events["npho"] >= 100)
    assert not np.where(valid, events["relative_time"], np.inf).min(axis=1).any()
    assert np.all(events["timeTruth"] < 0)
    assert np.all(events["timeTruth"] > -10e-9)


def test_small_negative_counts_exist(events):
    assert 0.05 < np.mean(events["npho"] < 0) < 0.5
    assert events["npho"].min() > -100


@pytest.mark.parametrize("chunk_size", [1, 7, BLOCK_SIZE, N])
def test_chunk_size_changes_nothing(points, chunk_size):
    again = _simulate(seed=2, shower=False, chunk_size=chunk_size)
    for name, array in points.items():
        assert np.array_equal(again[name], array)


def test_chunks_have_the_size_asked_for():
    config = SimulationConfig(seed=2, shower=False)
    sizes = [len(chunk["event"]) for chunk in simulate_events(config, N, chunk_size=30)]
    assert sizes == [30, 30, 30, N - 90]


def test_fewer_events_are_the_first_ones(events):
    fewer = _simulate(n=10, seed=1, run=7, energy=(0.015, 0.060))
    for name, array in fewer.items():
        assert np.array_equal(array, events[name][:10])


def test_photons_are_the_same_whatever_follows(points):
    shower = _simulate(n=20, seed=2, dead_fraction=0.1)
    for name in ("emiAng", "energyTruth", "xyzTruth", "xyzVTX"):
        assert np.array_equal(shower[name], points[name][:20])
    assert not np.array_equal(shower["npho"], points["npho"][:20])


def test_seeds_differ(points):
    other = _simulate(n=20, seed=3, shower=False)
    assert not np.array_equal(other["xyzTruth"], points["xyzTruth"][:20])


def test_counts_scatter_around_the_light_map(points):
    expected = expected_photons(points["xyzTruth"], points["energyTruth"]) * sensor_gains(2)
    efficiency = np.full(N_SENSORS, 0.16)
    efficiency[face_ids("inner")] = 0.12
    # Single precision of the truth moves sensors touched by the photon; the excess noise is below 1.25.
    bright = (expected * efficiency > 20) & (expected < 20_000)
    pull = ((points["npho"] - expected) * np.sqrt(efficiency / np.maximum(expected, 1)))[bright]
    assert abs(pull.mean()) < 4 * pull.std() / np.sqrt(pull.size)
    assert 1.0 < pull.var() < 1.25


def test_counts_are_proportional_to_the_energy():
    low, high = (_simulate(n=BLOCK_SIZE, seed=4, shower=False, energy=(e, e)) for e in (0.02, 0.06))
    total = [events["npho"].sum(dtype=np.float64) for events in (low, high)]
    electrons = 0.12 * total[0]
    assert total[1] / total[0] == pytest.approx(3, abs=3 * 4 * np.sqrt(1.3 / electrons))


def test_sum_of_counts_has_a_plausible_resolution():
    events = _simulate(n=4 * BLOCK_SIZE, seed=5)
    total = events["npho"].sum(axis=1, dtype=np.float64)
    # Detector page: 2.4 million photons; the sensors cover about a third of what they see.
    assert 0.2 < np.median(total) / 2.44e6 < 0.4
    low, middle, high = np.percentile(total, [16, 50, 84])
    assert (high - low) / 2 / middle < 0.12


def test_near_sensors_see_the_light_first(points):
    for event in range(20):
        distance = np.linalg.norm(sensor_positions() - points["xyzTruth"][event], axis=1)
        valid = np.flatnonzero(points["npho"][event] > 1000)
        order = valid[np.argsort(distance[valid])]
        time = points["relative_time"][event]
        assert time[order[:10]].mean() < time[order[-10:]].mean()


def test_times_are_light_paths_after_the_first_interaction(points):
    distance = np.linalg.norm(sensor_positions() - points["xyzTruth"][:, np.newaxis], axis=2)
    bright = points["npho"] > 3000
    time = points["relative_time"] - points["timeTruth"][:, np.newaxis]
    slope, delay = np.polyfit(distance[bright], time[bright], 1)
    # A little steeper, because the share of diffuse light, which comes later, grows with distance.
    assert slope == pytest.approx(SLOWNESS, rel=0.15)
    assert delay == pytest.approx(-45e-9 * np.log(1 - 0.05), abs=0.1e-9)


def test_dead_sensors_are_marked_in_every_event():
    events = _simulate(n=5, seed=6, dead_fraction=0.02, shower=False)
    dead = events["dead"]
    assert dead.shape == (5, N_SENSORS)
    assert dead.dtype == np.bool_
    assert np.all(dead == dead[0])
    assert dead[0].sum() == round(0.02 * N_SENSORS)
    for name in ("npho", "relative_time"):
        assert np.all(events[name][dead] == INVALID)
    assert np.all(events["npho"][~dead] < INVALID)


@pytest.mark.parametrize(("n", "chunk_size"), [(0, 10), (-5, 10), (10, 0)])
def test_impossible_numbers(n, chunk_size):
    with pytest.raises(SimulationError, match="expected at least 1"):
        list(simulate_events(SimulationConfig(), n, chunk_size=chunk_size))
