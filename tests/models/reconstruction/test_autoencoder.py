"""The masked autoencoder: nothing hidden gets through, every sensor comes out, and photons are conserved."""

import pytest
import torch

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS, face_ids, index_map
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import AutoencoderConfig
from xec_models.encoder.face_backbone import TOKEN_GRID
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.reconstruction.face_decoders import GridDecoder

FORMS = {
    "pooled": {"outer_fine_pool": (3, 3)},
    "fine": {},
    "split": {"outer_mode": "split"},
    "npho": {"predict_channels": ("npho",), "outer_fine_pool": (3, 3)},
    "attention": {"hex_conv": "attention", "outer_fine_pool": (3, 3)},
    "patch": {"stem": "patch"},
    "earlier": {"layout": "xec-ml-wl"},
    "earlier-pooled": {"layout": "xec-ml-wl", "outer_fine_pool": (2, 2)},
}


def build(**changes):
    torch.manual_seed(0)
    config = AutoencoderConfig(encoder_dim=64, decoder_dim=8, **changes)
    model = XECMaskedAutoencoder(config, NormalizationConfig()).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "grn" in name:  # zero at the start: the blocks would do less than they can
                parameter.normal_(generator=torch.Generator().manual_seed(len(name)))
    return model


@pytest.fixture
def readings():
    generator = torch.Generator().manual_seed(3)
    npho = 1e4 * torch.rand(3, N_SENSORS, generator=generator)
    time = 1e-7 * torch.rand(3, N_SENSORS, generator=generator)
    npho[:, 40], time[:, 41] = INVALID, INVALID
    return npho, time


@pytest.fixture
def mask():
    return torch.rand(3, N_SENSORS, generator=torch.Generator().manual_seed(4)) < 0.6


@pytest.mark.parametrize("form", FORMS)
def test_every_sensor_in_photons_and_seconds(form, readings, mask):
    model = build(**FORMS[form])
    out = model(*readings, mask)
    assert tuple(out) == model.channels
    nowhere = N_SENSORS - len(torch.cat([index_map_of(model, face) for face in model.encoder.faces]).unique())
    # The fine grid of that layout covers 12 sensors up.
    assert nowhere == (12 if form.startswith("earlier") else 0)
    for values in out.values():
        assert values.shape == (3, N_SENSORS)
        assert values.isnan().sum() == 3 * nowhere
    assert out["npho"].nan_to_num(0).min() > -1e4


def index_map_of(model, face):
    return torch.tensor(index_map(face, model.model_config.layout)).flatten()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_hidden_has_no_influence(form, readings, mask):
    model, (npho, time) = build(**FORMS[form]), readings
    before = model(npho, time, mask)
    other = model(torch.where(mask, 17.0, npho), torch.where(mask, 1e-9, time), mask)
    lost = model(torch.where(mask, torch.nan, npho), torch.where(mask, INVALID, time), mask)
    for name, values in before.items():
        assert torch.equal(other[name].nan_to_num(0), values.nan_to_num(0))
        assert torch.equal(lost[name].nan_to_num(0), values.nan_to_num(0))
    seen = model(torch.where(mask, npho, 0.5 * npho), time, mask)
    assert not torch.equal(seen["npho"].nan_to_num(0), before["npho"].nan_to_num(0))


def test_an_invalid_sensor_is_hidden_in_any_case(readings):
    model, (npho, time) = build(**FORMS["pooled"]), readings
    nothing = torch.zeros(3, N_SENSORS, dtype=torch.bool)
    itself = nothing.clone()
    itself[:, 40] = True
    assert torch.equal(model(npho, time, nothing)["npho"], model(npho, time, itself)["npho"])


def test_an_event_does_not_depend_on_its_batch_mates(readings, mask):
    model, (npho, time) = build(**FORMS["pooled"]), readings
    together = model.reconstruct_cells(npho, time, mask)
    for i in range(3):
        alone = model.reconstruct_cells(npho[i : i + 1], time[i : i + 1], mask[i : i + 1])
        for face, cells in together.items():
            assert torch.allclose(cells[i], alone[face][0], atol=1e-5)


@pytest.mark.parametrize("pool", [None, (3, 3), (5, 6), (2, 2)])
def test_photons_of_the_outer_face_are_conserved(pool, readings):
    """The sum over its sensors is that over its cells, in which the encoder shared them out."""
    model, (npho, time) = build(outer_fine_pool=pool).double(), readings
    normalizer, outer = model.encoder.normalizer, torch.tensor(face_ids("outer"))
    x = normalizer(npho.double(), time.double())
    cells = faces_of(model, x)
    back = model.to_sensors(cells)
    photons = normalizer.photons(back[..., 0])[:, outer].sum(1)
    # The tables of shares have single precision.
    assert torch.allclose(photons, npho.double()[:, outer].sum(1), rtol=1e-7)
    if pool is None:
        assert torch.allclose(back, x, atol=1e-6)


def faces_of(model, x):
    """What the encoder sees, by face: (B, cells, 2)."""
    gather = model.encoder.gather
    groups = gather(x)
    return {
        face: groups[group.name][:, i].reshape(len(x), -1, 2)
        for group in gather.groups
        for i, face in enumerate(group.faces)
    }


@pytest.mark.parametrize("form", ["split", "earlier"])
def test_cells_to_sensors_and_back(form, readings):
    model = build(**FORMS[form])
    x = model.encoder.normalizer(*readings)
    back = model.to_sensors(faces_of(model, x))
    somewhere = ~back.isnan()
    assert torch.allclose(back[somewhere], x[somewhere], atol=1e-6)


def test_the_cells_have_the_shape_of_what_the_encoder_sees(readings, mask):
    for form in FORMS.values():
        model = build(**form)
        cells = model.reconstruct_cells(*readings, mask)
        seen = faces_of(model, model.encoder.normalizer(*readings))
        assert {face: values.shape[:2] for face, values in cells.items()} == {
            face: values.shape[:2] for face, values in seen.items()
        }


def test_upsampling_of_the_grids():
    """4 x 4 to 8 x 8 to 16 x 16, as `networks.md` says, with the widths d and d/2."""
    decoder = GridDecoder(encoder_dim=32, dim=8, channels=2, shape=(93, 44))
    assert decoder.linear.out_features == 2 * 8 * TOKEN_GRID[0] * TOKEN_GRID[1]
    sizes, x = [], torch.zeros(1, 16, *TOKEN_GRID)
    for layer in decoder.decoder:
        x = layer(x)
        sizes.append(tuple(x.shape[1:]))
    assert sizes[0] == (8, 8, 8)
    assert sizes[3] == (4, 16, 16)
    assert sizes[6] == (2, 16, 16)


def test_every_parameter_learns(readings, mask):
    model = build(outer_fine_pool=(3, 3))
    sum(values.square().mean() for values in model.reconstruct_cells(*readings, mask).values()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_checkpoint(tmp_path, readings, mask):
    model = build(outer_fine_pool=(3, 3))
    config = {
        "model": model.model_config.model_dump(mode="json"),
        "normalization": model.normalization.model_dump(mode="json"),
        "training": {"auto_channel_weight": True},
    }
    save_checkpoint(tmp_path / "m.pth", new_checkpoint("mae", config, NetworkWeights(model.state_dict())))
    again = load_model(tmp_path / "m.pth")
    assert isinstance(again, XECMaskedAutoencoder)
    assert torch.equal(again(*readings, mask)["time"], model(*readings, mask)["time"])
