"""The window around a point of the inner face: which sensors, and on which scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.simulation.configuration import SIGNAL_ENERGY
from xec_geometry import N_SENSORS, index_map, sensor_positions, uvw_to_xyz, xyz_to_uvw
from xec_models.anchor.conventional import AnchorEstimate
from xec_models.anchor.start_time import LIGHT_SPEED
from xec_models.anchor.window import N_TOKENS, Window, WindowGather
from xec_models.encoder.readings import read

GRID = index_map("inner")
UVW = xyz_to_uvw(sensor_positions()[GRID])
COLUMNS, ROWS = UVW[0, :, 0], UVW[:, 0, 1]


def estimate(points, npho, energy=SIGNAL_ENERGY, time=0.0):
    uvw = torch.as_tensor(np.atleast_2d(points))
    n = len(uvw)
    image = npho[:, GRID.copy()]
    xyz = torch.tensor(np.asarray(uvw_to_xyz(uvw.numpy())))
    return AnchorEstimate(
        uvw, xyz, torch.full((n, 1), energy).double(), torch.full((n, 1), time).double(), image
    )


def gathered(points, npho, times, size=(20, 20), **known):
    npho, times = (torch.as_tensor(values, dtype=torch.float64) for values in (npho, times))
    readings = read(npho, times, torch.float64)
    return WindowGather(size).double()(readings, estimate(points, readings.counts, **known))


@pytest.mark.parametrize(("row", "column"), [(40, 20), (50, 30), (9, 9), (92, 43), (0, 0)])
def test_the_sensors_around_the_point(row, column):
    """Sensors hold their own number squared: the square root tells which were gathered."""
    npho = (np.arange(N_SENSORS, dtype=np.float64)[np.newaxis] / 16) ** 2
    point = [COLUMNS[column] + 0.1, ROWS[row] + 0.1, 3.0]
    window = gathered(point, npho, np.full((1, N_SENSORS), 1e10))
    numbers = (window.channels[0, ..., 0] * 16 * 20).round().long().numpy()
    exists = window.channels[0, ..., 3].numpy() > 0
    # The point lies between this column and the next in the direction of u, likewise the rows.
    columns = np.arange(column - 9, column + 11)
    step = 1 if ROWS[1] > ROWS[0] else -1
    rows = np.arange(row - 9, row + 11) if step > 0 else np.arange(row - 10, row + 10)
    inside = ((rows >= 0) & (rows < len(ROWS)))[:, None] & ((columns >= 0) & (columns < len(COLUMNS)))
    np.testing.assert_array_equal(exists, inside)
    expected = GRID[np.clip(rows, 0, len(ROWS) - 1)[:, None], np.clip(columns, 0, len(COLUMNS) - 1)]
    np.testing.assert_array_equal(numbers, np.where(inside, expected, 0))
    assert (window.offset.abs() <= 0.5 + 1e-9).all()


def test_the_time_of_a_flash_is_zero_everywhere():
    point = np.array([3.3, -20.1, 4.0])
    flash = 2.5e-8 + np.linalg.norm(sensor_positions() - uvw_to_xyz(point), axis=1) / LIGHT_SPEED
    flash[GRID[40, 20]] = np.nan
    window = gathered(point, np.full((1, N_SENSORS), 100.0), flash[np.newaxis], time=2.5e-8)
    assert window.channels[..., 1].abs().max() < 1e-5  # ns


def test_light_is_on_the_scale_of_the_event():
    npho = np.random.default_rng(0).uniform(1.0, 1e4, (1, N_SENSORS))
    nothing = np.full((1, N_SENSORS), 1e10)
    once = gathered([1.0, 2.0, 3.0], npho, nothing)
    half = gathered([1.0, 2.0, 3.0], 0.5 * npho, nothing, energy=0.5 * SIGNAL_ENERGY)
    torch.testing.assert_close(once.channels, half.channels)


def test_a_reflected_event_has_the_reflected_window():
    rng = np.random.default_rng(1)
    npho = np.zeros((1, N_SENSORS))
    npho[0, GRID] = rng.uniform(0.0, 1e4, GRID.shape)
    times = np.full((1, N_SENSORS), 1e10)
    mirrored = npho.copy()
    mirrored[0, GRID] = npho[0, GRID[:, ::-1]]
    one = gathered([4.3, -7.7, 3.0], npho, times)
    other = gathered([-4.3, -7.7, 3.0], mirrored, times)
    torch.testing.assert_close(other.channels, one.channels.flip(2))
    torch.testing.assert_close(other.offset, one.offset * torch.tensor([-1.0, 1.0]))


def test_a_window_becomes_tokens():
    npho = np.random.default_rng(0).uniform(1.0, 1e4, (3, N_SENSORS))
    window = Window((20, 16), 32, width=12, depth=1).double()
    readings = read(*(torch.as_tensor(values) for values in (npho, npho * 1e-9)), torch.float64)
    known = estimate([[0.0, 0.0, 3.0]] * 3, readings.counts)
    tokens = window(window.gather(readings, known))
    assert tokens.shape == (3, N_TOKENS, 32)
    alone = window(window.gather(*_first(readings, known)))
    torch.testing.assert_close(tokens[:1], alone)


def _first(readings, known):
    return type(readings)(*(values[:1] for values in readings)), known._replace(
        **{name: getattr(known, name)[:1] for name in known._fields}
    )


def test_the_light_of_an_event_without_energy_is_bounded():
    npho = np.abs(np.random.default_rng(0).normal(0.0, 3.0, (1, N_SENSORS)))
    nothing = np.full((1, N_SENSORS), 1e10)
    window = gathered([1.0, 2.0, 3.0], npho, nothing, energy=1e-9)
    assert window.channels.abs().max() == 20.0
