"""Tables and parts of the inpainter's heads against sums and searches written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import FACES, N_SENSORS, face_ids, index_map, outer_fine_grid, sensor_positions
from xec_geometry.detector.survey import nominal_table
from xec_models.config.network import InpainterConfig
from xec_models.encoder.normalizer import Normalizer
from xec_models.encoder.outer_modes import OUTER_MODES
from xec_models.reconstruction.inpainter import cross_attention
from xec_models.reconstruction.inpainter.cells import group_cells, own_cells
from xec_models.reconstruction.inpainter.cross_attention import NEIGHBOURS, CrossAttentionHead, masked_sensors
from xec_models.reconstruction.inpainter.heads import INPAINTER_HEADS
from xec_models.reconstruction.inpainter.local_features import (
    N_NEIGHBOURS,
    LocalFeatures,
    NeighbourMeans,
    nearest_sensors,
    same_face_neighbours,
)
from xec_models.reconstruction.inpainter.per_face import OuterReadout, PerFaceHead


def config(**model):
    return InpainterConfig(**{"encoder_dim": 64, "num_fusion_layers": 1, "hidden_dim": 16, **model})


def local_features(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand((n, N_SENSORS, 4), generator=generator)
    seen = torch.rand((n, N_SENSORS), generator=generator) < 0.9
    return LocalFeatures(values, values[..., :2].clone(), seen, values[..., :2].clone())


def test_nearest_sensors_by_brute_force():
    ids, distances = nearest_sensors(NEIGHBOURS)
    positions = sensor_positions()
    assert ids.shape == distances.shape == (N_SENSORS, NEIGHBOURS)
    for sensor in range(0, N_SENSORS, 97):
        every = np.linalg.norm(positions - positions[sensor], axis=1)
        every[sensor] = np.inf
        nearest = np.sort(every)[:NEIGHBOURS]
        np.testing.assert_allclose(distances[sensor], nearest, rtol=1e-9)
        np.testing.assert_allclose(every[ids[sensor]], nearest, rtol=1e-9)
        assert len(set(ids[sensor])) == NEIGHBOURS


def test_neighbours_of_the_first_estimate_stand_on_the_same_face():
    ids, distances = same_face_neighbours(N_NEIGHBOURS)
    positions = sensor_positions()
    for face in FACES:
        members = face_ids(face)
        assert np.isin(ids[members], members).all()
        sensor = members[len(members) // 3]
        every = np.linalg.norm(positions[members] - positions[sensor], axis=1)
        np.testing.assert_allclose(distances[sensor], np.sort(every)[1 : N_NEIGHBOURS + 1], rtol=1e-9)
    assert (ids != np.arange(N_SENSORS)[:, None]).all()


def test_first_estimate_is_the_weighted_mean_of_what_is_seen():
    normalizer = Normalizer(NormalizationConfig(npho_scheme="linear", npho_scale=1.0))
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.uniform(0, 5, (1, N_SENSORS, 2)), dtype=torch.float32)
    hidden = torch.tensor(rng.random((1, N_SENSORS)) < 0.3)
    x[0, 5, 1] = normalizer.sentinel_time
    x[0, 6] = normalizer.sentinels()
    local = NeighbourMeans(normalizer)(x, hidden)
    ids, distances = same_face_neighbours(N_NEIGHBOURS)
    seen = ~hidden[0].numpy() & (x[0, :, 0].numpy() != -1)
    timed = seen & (x[0, :, 1].numpy() != -1)
    np.testing.assert_array_equal(local.seen[0].numpy(), seen)
    for sensor in range(0, N_SENSORS, 211):
        weight = distances[sensor] ** -4.0
        for column, read in enumerate((seen, timed)):
            use = weight * read[ids[sensor]]
            expected = (use * x[0, ids[sensor], column].double().numpy()).sum() / use.sum()
            assert float(local.estimate[0, sensor, column]) == pytest.approx(expected, rel=1e-4)
            value = x[0, sensor, column] if read[sensor] else local.estimate[0, sensor, column]
            assert float(local.values[0, sensor, column]) == float(value)
            assert float(local.values[0, sensor, 2 + column]) == float(read[sensor])


def test_first_estimate_without_anything_to_see_is_zero():
    normalizer = Normalizer(NormalizationConfig())
    x = torch.ones(1, N_SENSORS, 2)
    local = NeighbourMeans(normalizer)(x, torch.ones(1, N_SENSORS, dtype=torch.bool))
    assert not local.values.any()


@pytest.mark.parametrize("pool", [None, (3, 3)])
def test_own_cells_of_the_fine_grid(pool):
    grid = outer_fine_grid(pool)
    sensors = face_ids("outer")
    cells, padded = own_cells(sensors, [(grid.sensor, grid.area)])
    for i in range(0, len(sensors), 13):
        expected = np.flatnonzero(((grid.sensor == sensors[i]) & (grid.area > 0)).any(axis=1))
        np.testing.assert_array_equal(np.sort(cells[i][~padded[i]]), expected)
        assert len(expected) > 0


def test_own_cells_of_the_split_face():
    groups = [group for group in OUTER_MODES["split"].groups if group.faces[0].startswith("outer")]
    tables = [group_cells(group, config(outer_mode="split"))[:2] for group in groups]
    sensors = face_ids("outer")
    cells, padded = own_cells(sensors, tables)
    both = np.concatenate([index_map("outer_coarse").ravel(), index_map("outer_center").ravel()])
    for i, sensor in enumerate(sensors):
        np.testing.assert_array_equal(np.sort(cells[i][~padded[i]]), np.flatnonzero(both == sensor))


def test_outer_sensors_attend_to_their_own_cells_only():
    model = config()
    groups = tuple(group for group in OUTER_MODES["finegrid"].groups if group.faces == ("outer",))
    readout = OuterReadout(groups, model, (0, 1))
    torch.nn.init.normal_(readout.correct.linear.weight)
    for parameter in readout.features[0].blocks.parameters():
        # Blocks that pass their input on: then nothing but the attention mixes cells.
        torch.nn.init.zeros_(parameter)
    local, tokens = local_features(1), torch.randn(1, 1, 64)
    grid = outer_fine_grid()
    sensor = int(grid.sensor[17, 0])
    changed = local._replace(values=local.values.clone())
    changed.values[0, sensor] += 1.0
    with torch.no_grad():
        moved = (readout(changed, tokens) != readout(local, tokens)).any(-1)[0]
    assert face_ids("outer")[moved.numpy()].tolist() == [sensor]


@pytest.mark.parametrize("mode", ["finegrid", "split"])
def test_per_face_head_speaks_of_every_sensor_once_and_in_order(mode):
    head = PerFaceHead(config(outer_mode=mode), (0, 1))
    # At its start a head says what it is told: whose estimate it gives shows whom it speaks of.
    number = torch.arange(N_SENSORS, dtype=torch.float32)
    local = local_features(1)._replace(estimate=torch.stack([number, -number], dim=-1)[None])
    n_tokens = 6 if mode == "finegrid" else 7
    with torch.no_grad():
        out = head(local, torch.randn(1, n_tokens, 64), torch.ones(1, N_SENSORS, dtype=torch.bool))
    torch.testing.assert_close(out[0, :, 0], number)
    torch.testing.assert_close(out[0, :, 1], -number)


def test_attention_looks_at_the_nearest_visible_sensors_only():
    head = CrossAttentionHead(config(), (0,))
    torch.nn.init.normal_(head.correct.linear.weight)
    local, tokens = local_features(1), torch.randn(1, 6, 64)
    positions = sensor_positions()
    sensor = 2000
    mask = torch.zeros(1, N_SENSORS, dtype=torch.bool)
    mask[0, sensor] = True

    def predicted(values):
        with torch.no_grad():
            return head(local._replace(values=values), tokens, mask)[0, sensor]

    before = predicted(local.values)
    order = np.argsort(np.linalg.norm(positions - positions[sensor], axis=1))[1:]
    nearest = order[:NEIGHBOURS]
    for other in (*nearest, *order[NEIGHBOURS + 4 : NEIGHBOURS + 8]):
        values = local.values.clone()
        values[0, other] += 1.0
        visible_neighbour = other in nearest and bool(local.seen[0, other])
        assert bool((predicted(values) != before).any()) == visible_neighbour


def test_attention_with_all_neighbours_hidden_still_answers():
    head = CrossAttentionHead(config(), (0, 1))
    local = local_features(2)
    local = local._replace(seen=torch.zeros_like(local.seen))
    with torch.no_grad():
        out = head(local, torch.randn(2, 6, 64), torch.ones(2, N_SENSORS, dtype=torch.bool))
    assert out.isfinite().all()


def test_sensors_of_a_mask():
    mask = torch.zeros(3, N_SENSORS, dtype=torch.bool)
    mask[0, [7, 3, 4000]] = True
    mask[1, 12] = True
    chosen = masked_sensors(mask)
    assert chosen.shape == (3, 3)
    assert sorted(chosen[0].tolist()) == [3, 7, 4000]
    assert 12 in chosen[1].tolist()
    assert all(len(set(row.tolist())) == 3 for row in chosen)


@pytest.mark.parametrize("head", ["cross_attention", "earlier_cross_attention"])
def test_a_graph_predicts_all_sensors_in_parts(monkeypatch, head):
    torch.manual_seed(0)
    model = config(head=head, layout="xec-ml-wl")
    module = INPAINTER_HEADS[head].build(model, (0, 1), None, nominal_table()).eval()
    local, tokens = local_features(2), torch.randn(2, 6, 64)
    mask = torch.zeros(2, N_SENSORS, dtype=torch.bool)
    mask[0, ::7], mask[1, 5] = True, True
    with torch.inference_mode():
        expected = module(local, tokens, mask)[mask]
        monkeypatch.setattr(cross_attention, "is_exporting", lambda: True)
        every = module(local, tokens, mask)
        assert every.shape == (2, N_SENSORS, 2)
        torch.testing.assert_close(every[mask], expected)
        assert module(local_features(0), tokens[:0], mask[:0]).shape == (0, N_SENSORS, 2)
