"""Normalization against closed forms, in single and double precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from xec_data import PRESETS, SCHEMES, NormalizationConfig, NphoTransform, TimeTransform, valid_time

SCALE, SCALE2 = 800.0, 3.5

# The formulas of the detector page, written once more with the standard library's mathematics.
CLOSED_FORMS: dict[str, Any] = {
    "log1p": lambda x: math.log(1 + x / SCALE) / SCALE2,
    "anscombe": lambda x: math.sqrt(x + 3 / 8) / math.sqrt(SCALE + 3 / 8),
    "sqrt": lambda x: math.sqrt(x) / math.sqrt(SCALE),
    "linear": lambda x: x / SCALE,
}
COUNTS = {
    "log1p": [-0.998 * SCALE, -300.0, -3.5, 0.0, 1e-3, 1.0, 100.0, 5e3, 2e6, 8.9e9],
    "anscombe": [-0.375, -0.2, 0.0, 1e-3, 1.0, 100.0, 5e3, 2e6, 8.9e9],
    "sqrt": [0.0, 1e-3, 1.0, 100.0, 5e3, 2e6, 8.9e9],
    "linear": [-8.9e9, -3.5, 0.0, 1e-3, 100.0, 5e3, 8.9e9],
}
BELOW = {
    "log1p": [-0.999 * SCALE, -SCALE, -5e3],
    "anscombe": [-0.376, -3.5],
    "sqrt": [-1e-6, -3.5],
    "linear": [],
}


def transform(scheme: str, **more: Any) -> NphoTransform:
    return NphoTransform(
        NormalizationConfig(npho_scheme=scheme, npho_scale=SCALE, npho_scale2=SCALE2, **more)
    )


def test_every_scheme_is_tested() -> None:
    assert set(SCHEMES) == set(CLOSED_FORMS) == set(COUNTS) == set(BELOW)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_forward(scheme: str) -> None:
    expected = [CLOSED_FORMS[scheme](x) for x in COUNTS[scheme]]
    np.testing.assert_allclose(transform(scheme).forward(COUNTS[scheme]), expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_inverse_is_exact(scheme: str) -> None:
    both = transform(scheme)
    np.testing.assert_allclose(
        both.inverse(both.forward(COUNTS[scheme])), COUNTS[scheme], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_count_below_the_domain_becomes_zero(scheme: str) -> None:
    np.testing.assert_array_equal(transform(scheme).forward(np.array(BELOW[scheme])), 0.0)


@pytest.mark.parametrize("scheme", ["anscombe", "sqrt"])
def test_fewer_photons_are_never_a_larger_number(scheme: str) -> None:
    numbers = transform(scheme).forward(np.array([-3.5, *COUNTS[scheme]]))
    assert (np.diff(numbers) >= 0).all()


def test_a_factor_is_no_scale_of_times() -> None:
    with pytest.raises(ValidationError, match=r"found 2\.32e\+06 s, .* time_scale 4\.31e-07"):
        NormalizationConfig(time_scale=2.32e6)
    assert NormalizationConfig(time_scale=1e-4).time_scale == 1e-4


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("value", [1e10, -1e10, np.nan, np.inf, -np.inf])
def test_an_invalid_count_becomes_the_sentinel(scheme: str, value: float) -> None:
    assert transform(scheme, sentinel_npho=-7.0).forward(np.float32(value)) == -7.0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_stays(scheme: str, dtype: Any) -> None:
    both = transform(scheme)
    x = np.array([[1.0, 1e10], [np.nan, -5e3]], dtype=dtype)
    assert both.forward(x).dtype == dtype
    assert both.inverse(both.forward(x)).dtype == dtype
    assert both.forward(x).shape == x.shape
    time = TimeTransform(NormalizationConfig())
    assert time.forward(x).dtype == dtype
    assert time.inverse(x).dtype == dtype


@pytest.mark.parametrize("scheme", SCHEMES)
def test_single_precision_agrees_with_double(scheme: str) -> None:
    x = np.array(COUNTS[scheme])
    np.testing.assert_allclose(
        transform(scheme).forward(x.astype(np.float32)), transform(scheme).forward(x), rtol=2e-4, atol=1e-7
    )


@pytest.mark.parametrize("scheme", ["sqrt", "anscombe"])
def test_below_the_lowest_value_the_inverse_stays_at_the_edge(scheme: str) -> None:
    both = transform(scheme)
    np.testing.assert_array_equal(both.inverse([-0.5, -3.0]), both.inverse([0.0, 0.0]))


def test_a_huge_answer_gives_infinity_without_warning() -> None:
    assert transform("log1p").inverse(np.float32(1e6)) == np.inf


def test_times() -> None:
    config = NormalizationConfig(time_scale=1e-7, time_shift=-0.5, sentinel_time=-2.0)
    t = np.array([0.0, 1e-7, -3e-8, 1e10, np.nan])
    normalized = TimeTransform(config).forward(t)
    np.testing.assert_allclose(normalized, [0.5, 1.5, 0.2, -2.0, -2.0], rtol=1e-13)
    np.testing.assert_allclose(TimeTransform(config).inverse(normalized[:3]), t[:3], atol=1e-22)


def test_a_time_that_may_not_be_used_becomes_the_sentinel() -> None:
    forward = TimeTransform(NormalizationConfig()).forward
    np.testing.assert_array_equal(forward([1e-8, 1e-8], valid=[True, False])[1], -1.0)
    assert forward([1e-8, 1e-8], valid=[True, False])[0] == forward(1e-8)


def test_which_times_carry_information() -> None:
    config = NormalizationConfig(npho_threshold=100)
    npho = np.array([100.0, 99.9, -3.0, 1e10, np.nan, 500.0, 500.0])
    time = np.array([1e-8, 1e-8, 1e-8, 1e-8, 1e-8, 1e10, np.nan])
    np.testing.assert_array_equal(valid_time(npho, time, config), [True] + 6 * [False])


def test_the_presets_have_the_numbers_of_the_detector_page() -> None:
    default, legacy = NormalizationConfig(), NormalizationConfig.from_preset("legacy")
    # detector.md, "Normalization"
    assert (default.npho_scheme, default.npho_scale, default.npho_scale2) == ("log1p", 1000, 4.08)
    assert (default.time_scale, default.time_shift) == (1.14e-7, -0.46)
    assert (default.sentinel_npho, default.sentinel_time, default.npho_threshold) == (-1, -1, 100)
    assert (legacy.npho_scheme, legacy.npho_scale, legacy.npho_scale2) == ("log1p", 0.58, 1.0)
    assert (legacy.time_scale, legacy.time_shift) == (6.5e-8, 0.5)
    assert (legacy.sentinel_npho, legacy.sentinel_time, legacy.npho_threshold) == (-5, -5, 100)


def test_the_default_preset_is_the_default() -> None:
    assert NormalizationConfig.from_preset("default") == NormalizationConfig()
    fields = NormalizationConfig.model_fields
    assert {name: fields[name].default for name in PRESETS["default"].values} == PRESETS["default"].values


def test_a_stated_value_wins_over_the_preset() -> None:
    config = NormalizationConfig.model_validate({"preset": "legacy", "npho_scale": 2.0})
    assert (config.npho_scale, config.time_scale) == (2.0, 6.5e-8)
    # A resolved configuration means the same when it is read again.
    assert NormalizationConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"npho_scheme": "log1"}, "unknown scheme 'log1' .did you mean 'log1p'"),
        ({"preset": "legaci"}, "unknown preset 'legaci' .did you mean 'legacy'"),
        ({"npho_scal": 1.0}, "npho_scal"),
        ({"npho_scale": 0.0}, "npho_scale"),
        ({"time_scale": -1.0}, "time_scale"),
    ],
)
def test_mistakes(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NormalizationConfig.model_validate(values)


def test_every_field_is_described() -> None:
    for name, info in NormalizationConfig.model_fields.items():
        assert info.description, name
        assert "\n" not in info.description
