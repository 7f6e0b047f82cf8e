"""Faces in coarse cells: means over the sensors that have a reading."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import N_SENSORS, index_map
from xec_models.config.network import RegressorConfig
from xec_models.encoder.gather import FaceGather
from xec_models.encoder.normalizer import Normalizer


@pytest.mark.parametrize(
    ("pools", "group", "faces"),
    [({"inner_pool": (31, 11)}, "inner", ("inner",)), ({"side_pool": (4, 2)}, "sides", ("us", "ds"))],
)
def test_cells_hold_mean_photons_and_mean_times(pools, group, faces):
    rng = np.random.default_rng(0)
    npho = rng.uniform(1.0, 1e4, (3, N_SENSORS))
    time = rng.uniform(0.0, 1e-7, (3, N_SENSORS))
    npho[rng.random(npho.shape) < 0.2] = 1e10
    time[rng.random(time.shape) < 0.3] = np.nan
    normalizer = Normalizer(NormalizationConfig(npho_scheme="sqrt")).double()
    gather = FaceGather(RegressorConfig(**pools), normalizer).double()
    found = gather(normalizer(torch.as_tensor(npho), torch.as_tensor(time)))[group].numpy()
    pool = next(iter(pools.values()))
    for number, face in enumerate(faces):
        grid = index_map(face)
        rows, columns = grid.shape[0] // pool[0], grid.shape[1] // pool[1]
        assert found.shape == (3, len(faces), rows, columns, 2)
        for row, column in ((0, 0), (rows - 1, 1)):
            ids = grid[row * pool[0] : (row + 1) * pool[0], column * pool[1] : (column + 1) * pool[1]].ravel()
            for event in range(3):
                counts, times = npho[event, ids], time[event, ids]
                counted = counts < 9e9
                # Photons below the threshold of the times have none.
                timed = counted & np.isfinite(times) & (counts >= float(normalizer.npho_threshold))
                photons = normalizer.photons(torch.tensor(found[event, number, row, column, 0])).item()
                assert photons == pytest.approx(counts[counted].mean(), rel=1e-9)
                seconds = normalizer.seconds(torch.tensor(found[event, number, row, column, 1])).item()
                assert seconds == pytest.approx(times[timed].mean(), rel=1e-9)


def test_a_cell_without_readings_has_the_sentinels_and_is_masked():
    normalizer = Normalizer(NormalizationConfig())
    gather = FaceGather(RegressorConfig(inner_pool=(31, 11)), normalizer)
    npho, time = torch.full((1, N_SENSORS), 500.0), torch.full((1, N_SENSORS), 3e-8)
    dead = torch.as_tensor(index_map("inner")[:31, :11].copy()).flatten()
    npho[:, dead] = 1e10
    cells = gather(normalizer(npho, time))["inner"]
    torch.testing.assert_close(cells[0, 0, 0, 0], normalizer.sentinels())
    assert (cells[0, 0, 1:, :, 0] != normalizer.sentinel_npho).all()
    mask = torch.zeros(1, N_SENSORS, dtype=torch.bool)
    mask[:, dead] = True
    hidden = gather.mask(mask)["inner"]
    assert hidden[0, 0, 0, 0]
    assert int(hidden.sum()) == 1
