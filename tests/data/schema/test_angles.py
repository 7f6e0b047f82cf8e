"""Degrees or radians."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xec_data import DataError, detect_angle_unit
from xec_geometry import angles_to_direction

RAD = np.random.default_rng(3).uniform([1.0, 2.4], [2.0, 3.9], (50, 2))
DEG = np.rad2deg(RAD)
VECTOR = angles_to_direction(RAD[:, 0], RAD[:, 1], degrees=False)


@pytest.mark.parametrize(("angles", "unit"), [(RAD, "rad"), (DEG, "deg")])
@pytest.mark.parametrize("vector", [VECTOR, VECTOR.astype(np.float32), None])
@pytest.mark.parametrize("stated", ["auto", "same"])
def test_the_unit_is_told(angles: Any, unit: str, vector: Any, stated: str) -> None:
    stated = unit if stated == "same" else stated
    assert detect_angle_unit(angles.astype(np.float32), vector, stated) == unit


@pytest.mark.parametrize(("angles", "unit", "wrong"), [(RAD, "rad", "deg"), (DEG, "deg", "rad")])
@pytest.mark.parametrize("vector", [VECTOR, None])
def test_a_stated_unit_that_is_wrong(angles: Any, unit: str, wrong: str, vector: Any) -> None:
    with pytest.raises(DataError, match=rf"run7\.root: .* said to be in {wrong}, but .* {unit}"):
        detect_angle_unit(angles, vector, wrong, source="run7.root")


def test_small_angles_are_told_by_the_vector() -> None:
    """θ below π in degrees looks like radians; only the vector knows."""
    vector = angles_to_direction(RAD[:, 0], RAD[:, 1], degrees=True)
    assert detect_angle_unit(RAD, vector) == "deg"


@pytest.mark.parametrize("stated", ["auto", "deg", "rad"])
def test_angles_that_match_in_no_unit(stated: str) -> None:
    with pytest.raises(DataError, match=r"neither in degrees nor in radians .* in rad, .* in deg; expected"):
        detect_angle_unit(RAD + 0.1, VECTOR, stated)


def test_one_wrong_event_is_enough() -> None:
    angles = RAD.copy()
    angles[17, 0] += 0.01
    with pytest.raises(DataError, match="neither"):
        detect_angle_unit(angles, VECTOR)


def test_invalid_events_do_not_decide() -> None:
    angles, vector = RAD.copy(), VECTOR.copy()
    angles[0], angles[1], vector[2] = np.nan, 1e10, 1e10
    assert detect_angle_unit(angles, vector) == "rad"
    assert detect_angle_unit(angles, None) == "rad"


def test_angles_that_match_in_both_units() -> None:
    angles = np.zeros((3, 2))
    vector = angles_to_direction(angles[:, 0], angles[:, 1], degrees=True)
    with pytest.raises(DataError, match="in degrees and in radians; state the unit"):
        detect_angle_unit(angles, vector)
    assert detect_angle_unit(angles, vector, "deg") == "deg"


@pytest.mark.parametrize(
    "angles", [[[190.0, 10.0]], [[-0.5, 1.0]], [[1.0, 200.0], [2.0, 100.0]], [[50.0, 400.0]]]
)
def test_ranges_of_no_unit(angles: Any) -> None:
    with pytest.raises(DataError, match=r"neither a range of degrees nor of radians, .* state the unit"):
        detect_angle_unit(angles, None)
    assert detect_angle_unit(angles, None, "deg") == "deg"


@pytest.mark.parametrize("vector", [VECTOR[:2], None])
def test_no_valid_angle(vector: Any) -> None:
    with pytest.raises(DataError, match="no event has"):
        detect_angle_unit(np.full((2, 2), np.nan), vector)
    assert detect_angle_unit(np.full((2, 2), np.nan), vector, "rad") == "rad"


def test_an_unknown_unit() -> None:
    with pytest.raises(DataError, match=r"'degs' \(did you mean 'deg'\?\); expected auto, deg, rad"):
        detect_angle_unit(RAD, VECTOR, "degs")
