"""Schemes of photons, for any constants: exact inverse, rising, the same in numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from tests.few_examples import few_examples

from xec_data import SCHEMES, NormalizationConfig, NphoTransform, TimeTransform
from xec_models.encoder.normalizer import Normalizer

SCALES = st.floats(0.1, 1e5)
# More than that would be no reading.
COUNTS = st.lists(st.floats(-1e6, 8e9, width=32), min_size=1, max_size=30)
TIMES = st.lists(st.floats(-1e-6, 1e-5), min_size=1, max_size=30)


def config(scheme: str, scale: float, scale2: float) -> NormalizationConfig:
    return NormalizationConfig(npho_scheme=scheme, npho_scale=scale, npho_scale2=scale2, npho_threshold=-1e30)


def usable(counts: list[float], transform: NphoTransform) -> np.ndarray:
    x = np.array(sorted(counts))
    return np.where(
        transform.scheme.in_domain(x, transform.scheme.lowest(transform.config.npho_scale)), x, 0.0
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@few_examples
@given(counts=COUNTS, scale=SCALES, scale2=st.floats(0.1, 20))
def test_the_inverse_gives_the_counts_back(
    scheme: str, counts: list[float], scale: float, scale2: float
) -> None:
    transform = NphoTransform(config(scheme, scale, scale2))
    x = usable(counts, transform)
    # Beside its scale a count has that many digits less.
    np.testing.assert_allclose(
        transform.inverse(transform.forward(x)), x, rtol=1e-12, atol=1e-11 * scale + 1e-11
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@few_examples
@given(counts=COUNTS, scale=SCALES, scale2=st.floats(0.1, 20))
def test_more_photons_are_never_less(scheme: str, counts: list[float], scale: float, scale2: float) -> None:
    transform = NphoTransform(config(scheme, scale, scale2))
    x = np.sort(usable(counts, transform))
    assert (np.diff(transform.forward(x)) >= 0).all()


@pytest.mark.parametrize("scheme", SCHEMES)
@few_examples
@given(counts=COUNTS, times=TIMES, scale=SCALES, scale2=st.floats(0.1, 20))
def test_networks_compute_the_same(
    scheme: str, counts: list[float], times: list[float], scale: float, scale2: float
) -> None:
    stated = config(scheme, scale, scale2)
    n = min(len(counts), len(times))
    # Near its edge the logarithm has few digits in single precision.
    npho = np.maximum(np.array(counts[:n], np.float32), np.float32(-0.9 * scale))
    time = np.array(times[:n], np.float32)
    found = Normalizer(stated)(torch.tensor(npho)[None], torch.tensor(time)[None])[0].numpy()
    expected = NphoTransform(stated).forward(npho.astype(np.float64))
    np.testing.assert_allclose(found[:, 0], expected, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], TimeTransform(stated).forward(time), rtol=1e-5, atol=1e-5)


@few_examples
@given(times=TIMES, scale=st.floats(1e-9, 1e-6), shift=st.floats(-2, 2))
def test_times_come_back(times: list[float], scale: float, shift: float) -> None:
    transform = TimeTransform(NormalizationConfig(time_scale=scale, time_shift=shift))
    t = np.array(times)
    np.testing.assert_allclose(transform.inverse(transform.forward(t)), t, rtol=1e-12, atol=1e-13 * scale)
