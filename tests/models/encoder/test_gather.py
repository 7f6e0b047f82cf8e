import numpy as np
import pytest
import torch
import torch.nn.functional as F

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import N_SENSORS, face_ids, index_map, outer_fine_grid
from xec_models.config.network import ModelConfig
from xec_models.encoder.gather import FaceGather
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.outer_modes import token_faces

POOLS = [None, (3, 3), (5, 2), (9, 8), (2, 2)]
INVALID_NPHO, INVALID_TIME = -1.0, -1.0  # sentinels of the default normalization


def _gather(**model):
    return FaceGather(ModelConfig(**model), Normalizer(NormalizationConfig())).double()


def _normalized(rng, n, invalid=0.0):
    x = rng.uniform(0.0, 1.5, (n, N_SENSORS, 2))
    x[rng.random(x.shape) < invalid] = -1.0
    return torch.tensor(x)


@pytest.mark.parametrize("layout", ["physical", "xec-ml-wl"])
@pytest.mark.parametrize("outer_mode", ["finegrid", "split"])
def test_plain_faces_hold_their_sensors(layout, outer_mode):
    x = _normalized(np.random.default_rng(0), 2)
    gather = _gather(layout=layout, outer_mode=outer_mode)
    faces = gather(x)
    for group in gather.groups:
        for i, face in enumerate(group.faces):
            if face != "outer":
                expected = x.numpy()[:, index_map(face, layout)]
                np.testing.assert_array_equal(faces[group.name][:, i], expected)


@pytest.mark.parametrize("pool", POOLS)
def test_the_fine_grid_conserves_photons(pool):
    rng = np.random.default_rng(1)
    gather = _gather(outer_fine_pool=pool)
    normalizer = gather.maps["outer"].normalizer
    npho = torch.tensor(rng.gamma(0.7, 3000.0, (3, N_SENSORS)))
    x = normalizer(npho, torch.zeros_like(npho))
    cells = gather(x)["outer"][:, 0]
    assert cells.shape == (3, *outer_fine_grid(pool).shape, 2)
    found = normalizer.photons(cells[..., 0]).sum((1, 2))
    # The tables are stored in the network's precision.
    torch.testing.assert_close(found, npho[:, face_ids("outer").tolist()].sum(1), rtol=1e-6, atol=0)


@pytest.mark.parametrize("pool", POOLS)
def test_pooling_against_a_literal_sum_over_fine_cells(pool):
    x = _normalized(np.random.default_rng(2), 1, invalid=0.3)
    gather = _gather(outer_fine_pool=pool)
    found = gather(x)["outer"][0, 0].numpy()

    sensors = index_map("outer")
    photons = 1000.0 * np.expm1(4.08 * x[0, :, 0].numpy())  # the default scheme, from its definition
    cells_of = np.bincount(sensors.ravel(), minlength=N_SENSORS)
    rows, columns = pool or (1, 1)
    for row, column in np.ndindex(found.shape[:2]):
        ids = sensors[row * rows : (row + 1) * rows, column * columns : (column + 1) * columns].ravel()
        seen = [i for i in ids if x[0, i, 0] != INVALID_NPHO]
        times = [x[0, i, 1].item() for i in ids if x[0, i, 1] != INVALID_TIME]
        total = sum(photons[i] / cells_of[i] for i in seen) * len(ids) / max(1, len(seen))
        count = np.log1p(total / 1000.0) / 4.08 if seen else INVALID_NPHO
        assert found[row, column, 0] == pytest.approx(count, rel=1e-6)
        assert found[row, column, 1] == pytest.approx(np.mean(times) if times else INVALID_TIME)


@pytest.mark.parametrize("pool", POOLS)
def test_the_earlier_layout_divides_normalized_counts_and_averages_valid_times(pool):
    x = _normalized(np.random.default_rng(3), 2, invalid=0.2)
    found = _gather(outer_fine_pool=pool, layout="xec-ml-wl")(x)["outer"][:, 0]
    sensors = index_map("outer", "xec-ml-wl")
    # 15 fine cells for a coarse sensor, 6 in the centre patch: networks.md, last section.
    fine_share = outer_fine_grid(layout="xec-ml-wl").share.reshape(sensors.shape)
    assert set(np.rint(1 / fine_share).ravel()) == {15.0, 6.0}
    npho, time = x[:, torch.tensor(sensors)].unbind(-1)
    valid = (time != INVALID_TIME).double()
    counts, sums, numbers = (
        F.avg_pool2d(image.unsqueeze(1), pool or (1, 1)).squeeze(1)
        for image in (npho * torch.tensor(fine_share), time * valid, valid)
    )
    times = torch.where(numbers > 0, sums / numbers.clamp_min(1e-9), INVALID_TIME)
    # The tables are stored in the network's precision.
    torch.testing.assert_close(found, torch.stack([counts, times], -1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("pool", POOLS)
def test_the_earlier_mask_is_that_of_the_coarse_map_and_grows(pool):
    mask = torch.tensor(np.random.default_rng(4).random((2, N_SENSORS)) < 0.2)
    gather = _gather(outer_fine_pool=pool, layout="xec-ml-wl")
    coarse = mask[:, torch.tensor(index_map("outer_coarse", "xec-ml-wl"))].double()
    fine = coarse.repeat_interleave(5, 1).repeat_interleave(3, 2).unsqueeze(1)
    assert torch.equal(gather.mask(mask)["outer"], F.max_pool2d(fine, pool or (1, 1)).bool())
    # The loss of a training takes the cells that nothing is known of.
    own = mask[:, torch.tensor(index_map("outer", "xec-ml-wl"))].double()
    hidden = -F.max_pool2d(-own.unsqueeze(1), pool or (1, 1))
    assert torch.equal(gather.hidden(mask)["outer"], hidden.bool())


@pytest.mark.parametrize("pool", POOLS)
def test_a_cell_is_masked_if_all_its_sensors_are(pool):
    mask = torch.tensor(np.random.default_rng(4).random((2, N_SENSORS)) < 0.6)
    gather = _gather(outer_fine_pool=pool)
    found = gather.mask(mask)
    fine = mask[:, torch.tensor(index_map("outer"))].double()
    # The smallest value of the window: 1 where all are masked.
    expected = -F.max_pool2d(-fine.unsqueeze(1), pool or (1, 1), ceil_mode=True)
    assert torch.equal(found["outer"], expected.bool())
    assert torch.equal(found["inner"][:, 0], mask[:, torch.tensor(index_map("inner"))])
    assert torch.equal(found["sides"][:, 1], mask[:, torch.tensor(index_map("ds"))])


def test_a_mask_of_the_centre_patch_reaches_the_fine_grid():
    for sensor in face_ids("outer"):
        mask = torch.zeros(1, N_SENSORS, dtype=torch.bool)
        mask[0, sensor] = True
        assert _GRID.mask(mask)["outer"].sum() == (index_map("outer") == sensor).sum() > 0


_GRID = _gather()


def test_tokens_are_in_the_order_of_the_faces():
    assert token_faces("finegrid") == ("inner", "us", "ds", "outer", "top", "bottom")
    assert token_faces("split") == ("inner", "us", "ds", "outer_coarse", "outer_center", "top", "bottom")
