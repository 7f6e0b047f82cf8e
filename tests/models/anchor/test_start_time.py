"""The time at which the light started, against times whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_geometry import N_SENSORS, sensor_positions
from xec_models.anchor.start_time import FirstTime, MeanTime
from xec_models.encoder.readings import read


def estimate(module, npho, time, xyz):
    """Estimate from arrays in double precision."""
    readings = read(*(torch.as_tensor(values, dtype=torch.float64) for values in (npho, time)), torch.float64)
    start = module().double()
    for name, values in zip("xyz", sensor_positions().T, strict=True):
        getattr(start, name).copy_(torch.tensor(values))
    return start(readings, torch.as_tensor(xyz)).numpy()


def first_time(npho, time, xyz):
    return estimate(FirstTime, npho, time, xyz)


def path_corrected_time(npho, time, xyz):
    return estimate(MeanTime, npho, time, xyz)


def test_a_flash_at_a_point_gives_its_time():
    point = np.array([[-70.0, 5.0, 3.0]])
    speed = 2.99792458e10 / 1.65
    time = 4e-9 + np.linalg.norm(sensor_positions() - point, axis=1) / speed
    npho = np.full((1, N_SENSORS), 1000.0)
    bad = np.random.default_rng(0).choice(N_SENSORS, 2000, replace=False)
    time[bad[:1000]] = 1e10
    npho[0, bad[1000:]] = 10.0
    time[bad[1000:]] += 5e-9
    assert path_corrected_time(npho, time[np.newaxis], point)[0] == pytest.approx(4e-9, abs=1e-14)


@pytest.mark.parametrize("measure", [first_time, path_corrected_time])
def test_no_bright_sensor_no_time(measure):
    npho, time = np.full((1, N_SENSORS), 299.0), np.zeros((1, N_SENSORS))
    assert np.isnan(measure(npho, time, np.array([[-70.0, 0.0, 0.0]])))[0]


def test_first_times_are_the_earliest_ones():
    point = np.array([[-70.0, 0.0, 0.0]])
    speed = 2.99792458e10 / 1.65
    time = np.linalg.norm(sensor_positions() - point, axis=1) / speed + 1e-7
    time[:20] -= np.linspace(1e-9, 3e-9, 20)
    npho = np.full((1, N_SENSORS), 1000.0)
    assert first_time(npho, time[np.newaxis], point)[0] == pytest.approx(1e-7 - 2e-9, abs=1e-14)
    # A reading earlier than all, but too dim to be trusted.
    npho[0, 50], time[50] = 100.0, 0.0
    assert first_time(npho, time[np.newaxis], point)[0] == pytest.approx(1e-7 - 2e-9, abs=1e-14)
