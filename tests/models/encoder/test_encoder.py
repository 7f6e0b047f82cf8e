import pytest
import torch

from xec_geometry import N_SENSORS, face_ids

VARIANTS = [
    {},
    {"outer_fine_pool": (3, 3), "position": "geometric"},
    {"outer_mode": "split", "position": "sinusoidal"},
    {"hex_conv": "attention", "stem": "patch"},
    {"outer_mode": "split", "stem": "patch"},
    {"layout": "xec-ml-wl", "outer_fine_pool": (3, 3)},
    {"layout": "xec-ml-wl", "outer_mode": "split", "hex_conv": "attention"},
]


def _name(variant):
    return ",".join(map(str, variant.values())) or "default"


@pytest.fixture(params=VARIANTS, ids=_name)
def encoder(request, small_network):
    return small_network(["energy"], **request.param).encoder


@pytest.fixture
def readings(raw_events):
    return raw_events(4)


def _mask(n):
    return torch.rand(n, N_SENSORS) < 0.4


@torch.no_grad()
def test_an_event_does_not_know_its_batch_mates(encoder, readings):
    encoder.double()
    x = encoder.normalizer(*readings)
    mask = _mask(4)
    for hidden in (None, mask):
        tokens = encoder(x, hidden)
        assert tokens.shape == (4, len(encoder.faces), 64)
        other = 50 * torch.randn_like(x)
        for i in range(4):
            # The same event among other mates, at another place, and alone.
            mates = torch.cat([other[:2], x[i : i + 1], other[2:]])
            mates_hidden = None if hidden is None else torch.cat([hidden[:2], hidden[i : i + 1], hidden[2:]])
            torch.testing.assert_close(encoder(mates, mates_hidden)[2], tokens[i], rtol=0, atol=1e-12)
            alone = encoder(x[i : i + 1], None if hidden is None else hidden[i : i + 1])
            torch.testing.assert_close(alone[0], tokens[i], rtol=0, atol=1e-12)


@torch.no_grad()
def test_an_empty_mask_is_no_mask(encoder, readings):
    x = encoder.normalizer(*readings)
    empty = torch.zeros(4, N_SENSORS, dtype=torch.bool)
    torch.testing.assert_close(encoder(x, empty), encoder(x), rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_masked_sensor_cannot_be_heard(encoder, readings):
    x = encoder.normalizer(*readings)
    mask = _mask(4)
    unheard = mask.clone()
    if not encoder.closed:
        # The earlier system has no mask of the centre patch: sentinels stand there.
        unheard[:, face_ids("outer").tolist()] = False
    changed = torch.where(unheard.unsqueeze(-1), 100 * torch.randn_like(x), x)
    assert torch.equal(encoder(changed, mask), encoder(x, mask))
    assert not torch.allclose(encoder(changed), encoder(x), atol=1e-2)


@torch.no_grad()
def test_every_sensor_is_heard_without_a_mask(encoder, readings):
    """A change of one sensor moves the token of its own face, before the fusion, and no other."""
    x = encoder.normalizer(*readings)[:1]
    before = encoder.face_tokens(x)
    for token, face in enumerate(encoder.faces):
        if face.startswith("outer"):
            continue
        sensor = face_ids(face)[len(face_ids(face)) // 2]
        changed = x.clone()
        changed[0, sensor] += 0.5
        moved = (encoder.face_tokens(changed) - before)[0].abs().amax(-1) > 0
        assert moved.tolist() == [i == token for i in range(len(encoder.faces))]


def test_gradients_reach_every_parameter(encoder, readings):
    x = encoder.normalizer(*readings).requires_grad_()
    encoder(x, _mask(4)).square().sum().backward()
    silent = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not silent
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert torch.isfinite(x.grad).all()


def test_a_mask_changes_the_tokens(small_network, raw_events):
    encoder = small_network(["energy"]).encoder
    x = encoder.normalizer(*raw_events(1))
    for face in ("inner", "us", "outer", "bottom"):
        mask = torch.zeros(1, N_SENSORS, dtype=torch.bool)
        mask[0, face_ids(face).tolist()] = True
        moved = (encoder.face_tokens(x, mask) - encoder.face_tokens(x))[0].abs().amax(-1) > 1e-4
        assert moved.tolist() == [name == face for name in encoder.faces]


def test_drop_path_only_while_training(small_network, raw_events):
    encoder = small_network(["energy"], drop_path_rate=0.5).encoder
    x = encoder.normalizer(*raw_events(2))
    assert torch.equal(encoder(x), encoder(x))
    encoder.train()
    assert not torch.allclose(encoder(x), encoder(x), atol=1e-3)
