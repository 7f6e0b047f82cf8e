import numpy as np
import pytest
import torch

from xec_data.normalization.schemes import SCHEMES
from xec_data.normalization.transforms import (
    NormalizationConfig,
    NphoTransform,
    TimeTransform,
    valid_time,
)
from xec_data.schema.branches import INVALID
from xec_models.encoder.normalizer import Normalizer

EDGES = [
    0.0,
    -1e-3,
    -0.375,
    -0.376,
    -998.9,
    -999.1,
    99.9,
    100.0,
    5e6,
    8.9e9,
    INVALID,
    -INVALID,
    np.nan,
    np.inf,
    -np.inf,
]


def _configs():
    yield NormalizationConfig(preset="legacy")
    for scheme in SCHEMES:
        yield NormalizationConfig(npho_scheme=scheme, sentinel_npho=-7.0, sentinel_time=-3.0)


@pytest.mark.parametrize(
    "config", list(_configs()), ids=lambda config: f"{config.preset}-{config.npho_scheme}"
)
def test_same_numbers_as_numpy(config):
    rng = np.random.default_rng(0)
    npho = np.concatenate([rng.gamma(0.5, 2000.0, 1000), np.repeat(EDGES, 4)]).astype(np.float32)[None]
    time = rng.uniform(-1e-7, 3e-7, npho.shape).astype(np.float32)
    time[0, ::7] = INVALID
    time[0, ::11] = np.nan
    x = Normalizer(config)(torch.tensor(npho), torch.tensor(time))
    with np.errstate(invalid="ignore"):
        counts = NphoTransform(config).forward(npho)
        times = TimeTransform(config).forward(time, valid_time(npho, time, config))
    np.testing.assert_allclose(x[..., 0], counts, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(x[..., 1], times, rtol=1e-5, atol=1e-6)
    assert torch.isfinite(x).all()


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_inverse_returns_the_photons(scheme):
    normalizer = Normalizer(NormalizationConfig(npho_scheme=scheme)).double()
    npho = torch.tensor([[0.0, 0.4, 3.0, 150.0, 2e5]], dtype=torch.float64)
    torch.testing.assert_close(
        normalizer.photons(normalizer.normalize_photons(npho)), npho, atol=1e-9, rtol=1e-12
    )
    below = normalizer.photons(torch.tensor([-50.0], dtype=torch.float64))
    expected = NphoTransform(normalizer.config).inverse(np.array([-50.0]))
    torch.testing.assert_close(below, torch.tensor(expected))


def test_times_return_to_seconds():
    normalizer = Normalizer(NormalizationConfig()).double()
    time = torch.tensor([[0.0, 3e-8, 2e-7]], dtype=torch.float64)
    x = normalizer(torch.full_like(time, 1e3), time)
    torch.testing.assert_close(normalizer.seconds(x[..., 1]), time, atol=1e-15, rtol=1e-6)


def test_a_time_needs_a_count_above_the_threshold():
    normalizer = Normalizer(NormalizationConfig(sentinel_time=-9.0, npho_threshold=50.0))
    npho = torch.tensor([[49.9, 50.0, np.nan, 200.0]])
    x = normalizer(npho, torch.tensor([[1e-8, 1e-8, 1e-8, INVALID]]))
    assert (x[0, :, 1] == -9.0).tolist() == [True, False, True, True]


def test_constants_do_not_enter_the_state():
    assert not Normalizer(NormalizationConfig()).state_dict()


def test_gradients_reach_valid_readings_and_are_finite():
    npho = torch.tensor([[500.0, np.nan, np.inf, -2000.0, INVALID]], requires_grad=True)
    time = torch.tensor([[1e-8, np.nan, 1e-8, 1e-8, INVALID]], requires_grad=True)
    Normalizer(NormalizationConfig())(npho, time).sum().backward()
    assert npho.grad[0, 0] > 0
    assert time.grad[0, 0] > 0
    assert torch.isfinite(npho.grad).all()
    assert torch.isfinite(time.grad).all()


def test_integers_and_doubles_are_welcome():
    normalizer = Normalizer(NormalizationConfig())
    counts = torch.tensor([[3, 700]])
    x = normalizer(counts, torch.zeros(1, 2, dtype=torch.float64))
    torch.testing.assert_close(x, normalizer(counts.float(), torch.zeros(1, 2)))
    assert x.dtype == torch.float32
