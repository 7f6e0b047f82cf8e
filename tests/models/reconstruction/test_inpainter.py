"""The network that recovers sensors: what it may look at, what it leaves alone, what it learns with."""

from __future__ import annotations

import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID, is_invalid
from xec_geometry import FACES, N_SENSORS, face_ids
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.reading import read_checkpoint
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import InpainterConfig
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

SHAPES = (
    {"hex_conv": "attention", "predict_channels": ("npho",)},
    {"outer_fine_pool": (3, 3)},
    {"outer_mode": "split", "stem": "patch"},
    {"layout": "xec-ml-wl", "outer_fine_pool": (3, 3)},
    {"outer_fine_pool": (3, 3), "head": "cross_attention"},
    {"outer_mode": "split", "head": "cross_attention", "stem": "patch"},
    {"layout": "xec-ml-wl", "outer_fine_pool": (2, 2), "head": "earlier_per_face", "stem": "patch"},
    {"layout": "xec-ml-wl", "outer_fine_pool": (2, 2), "head": "earlier_cross_attention", "stem": "patch"},
)
POOLED = {"outer_fine_pool": (3, 3)}


def build(**model):
    """An inpainter whose every part has an effect: nothing stands at its start."""
    config = InpainterConfig(**{"encoder_dim": 64, "num_fusion_layers": 1, "hidden_dim": 16, **model})
    network = XECInpainter(config, NormalizationConfig(npho_scheme="sqrt"))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


def random_mask(n, seed=0, rate=0.05):
    return torch.rand((n, N_SENSORS), generator=torch.Generator().manual_seed(seed)) < rate


@pytest.fixture(params=SHAPES, ids=str)
def network(request):
    return build(**request.param)


def test_what_is_masked_cannot_influence_anything(network, raw_events):
    npho, time = raw_events(2)
    mask = random_mask(2)
    with torch.no_grad():
        before = network(npho, time, mask)
        for value in (0.0, 1e5, INVALID, float("nan")):
            after = network(npho.masked_fill(mask, value), time.masked_fill(mask, value * 1e-12), mask)
            for channel, values in before.items():
                assert torch.equal(values[mask], after[channel][mask])


def test_the_output_is_the_input_where_nothing_is_masked(network, raw_events):
    npho, time = raw_events(2)
    mask = random_mask(2)
    with torch.no_grad():
        out = network(npho, time, mask)
    readings = {"npho": npho, "time": time}
    assert set(out) == set(network.model_config.predict_channels)
    for channel, values in out.items():
        assert values.shape == npho.shape
        # Bit for bit, also what is no number.
        assert torch.equal(values[~mask].view(torch.int32), readings[channel][~mask].view(torch.int32))
        assert values[mask].isfinite().all()
        assert not is_invalid(values[mask].numpy()).any()


def test_predictions_differ_from_sensor_to_sensor(network, raw_events):
    # Every sensor of every face has a prediction of its own: none is left at a default.
    x = network.encoder.normalizer(*raw_events(1))
    for face in FACES:
        mask = torch.zeros((1, N_SENSORS), dtype=torch.bool)
        mask[:, face_ids(face)[::2].tolist()] = True
        with torch.no_grad():
            found = network.reconstruct_normalized(x, mask)[mask][:, 0]
        assert len(found.unique()) > 0.95 * len(found)


def test_an_event_does_not_depend_on_its_batch_mates(network, raw_events):
    x = network.encoder.normalizer(*raw_events(3))
    mask = random_mask(3)
    # The number of masked sensors of a mate must not matter either.
    mask[1] = random_mask(1, seed=5, rate=0.5)
    with torch.no_grad():
        together = network.reconstruct_normalized(x, mask)
        for event in range(3):
            one = slice(event, event + 1)
            alone = network.reconstruct_normalized(x[one], mask[one])
            torch.testing.assert_close(alone, together[one], rtol=1e-4, atol=1e-5)


def test_an_empty_mask_changes_nothing(network, raw_events):
    npho, time = raw_events(2)
    out = network(npho, time, torch.zeros_like(npho, dtype=torch.bool))
    assert torch.equal(out["npho"].view(torch.int32), npho.view(torch.int32))


def test_everything_may_be_masked(network, raw_events):
    npho, time = raw_events(2)
    mask = torch.ones_like(npho, dtype=torch.bool)
    with torch.no_grad():
        assert network(npho, time, mask)["npho"].isfinite().all()


def test_every_parameter_is_learnt(network, raw_events):
    npho, time = raw_events(2)
    x = network.encoder.normalizer(npho, time)
    mask = random_mask(2, rate=0.2)
    found = network.reconstruct_normalized(x, mask)
    found[mask].square().sum().backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    still = [name for name, p in network.named_parameters() if p.grad is not None and not p.grad.any()]
    assert without == []
    # A constant added to all keys of an attention changes none of its weights.
    assert [name for name in still if not name.endswith("key.bias")] == []


@pytest.mark.parametrize("head", ["per_face", "cross_attention"])
def test_a_frozen_encoder_has_no_gradients_and_no_dropout(head, raw_events):
    network = build(**POOLED, head=head, freeze_encoder=True).train()
    npho, time = raw_events(2)
    mask = random_mask(2)
    x = network.encoder.normalizer(npho, time)
    network.reconstruct_normalized(x, mask)[mask].sum().backward()
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    assert any(parameter.grad is not None for parameter in network.head.parameters())
    assert torch.equal(network.encode_normalized(x, mask), network.encode_normalized(x, mask))
    assert network.training
    assert network.head.training


def test_a_new_network_says_what_the_neighbours_say():
    config = InpainterConfig(encoder_dim=64, num_fusion_layers=1, **POOLED)
    network = XECInpainter(config, NormalizationConfig(npho_scheme="linear", npho_scale=1.0)).eval()
    npho = torch.full((1, N_SENSORS), 700.0)
    time = torch.full((1, N_SENSORS), 3e-8)
    with torch.no_grad():
        out = network(npho, time, random_mask(1))
    torch.testing.assert_close(out["npho"], npho)
    torch.testing.assert_close(out["time"], time)


def test_round_trip_through_a_checkpoint(tmp_path, raw_events):
    network = build(**POOLED, predict_channels=("npho",))
    config = {
        "model": network.model_config.model_dump(mode="json"),
        "normalization": network.normalization.model_dump(mode="json"),
    }
    path = tmp_path / "inpainter.pth"
    save_checkpoint(path, new_checkpoint(XECInpainter.kind, config, NetworkWeights(network.state_dict())))
    loaded = build_model(read_checkpoint(path))
    assert isinstance(loaded, XECInpainter)
    assert loaded.channels == ("npho",)
    npho, time = raw_events(2)
    mask = random_mask(2)
    with torch.no_grad():
        found, expected = (model(npho, time, mask)["npho"][mask] for model in (loaded, network))
    assert torch.equal(found, expected)


def test_tables_are_not_in_the_checkpoint():
    network = build()
    parameters = dict(network.named_parameters())
    assert set(network.state_dict()) == set(parameters)
