"""Numbers as they are written."""

from __future__ import annotations

import pytest

from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.statistics import Number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Number(2.7412, 0.0384), "2.741 ± 0.038"),
        (Number(77.04, 1.23), "77.0 ± 1.2"),
        (Number(412.3, 37.0), "412 ± 37"),
        (Number(412.3, 137.0), "412 ± 137"),
        (Number(0.5, 0.0), "0.500"),
        (Number(0.5), "0.500"),
        (Number(-1.25, 0.5), "−1.25 ± 0.50"),
        (Number(0.5, float("nan")), "0.500"),
        (Number(float("nan"), 0.1), ""),
        (None, ""),
    ],
)
def test_two_digits_of_the_error_count(number: Number | None, text: str) -> None:
    assert with_error(number) == text


def test_a_bias_has_a_sign() -> None:
    assert with_error(Number(1.25, 0.5), signed=True) == "+1.25 ± 0.50"


def test_the_digits_behind_the_point_are_limited() -> None:
    assert with_error(Number(89.9421, 0.0871), places=1) == "89.9 ± 0.1"
    assert with_error(Number(75.0, 17.8), places=1) == "75 ± 18"
