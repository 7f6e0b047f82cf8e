"""Coordinates at any point and in any direction: there and back, lengths, rotations."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st
from tests.few_examples import few_examples

from xec_geometry import angles_to_direction, direction_to_angles, uvw_to_xyz, xyz_to_uvw
from xec_geometry.detector.coordinates import wrap_degrees

R = 64.97  # inner radius, detector page

LENGTH = st.floats(-150, 150)


@few_examples
@given(x=LENGTH, y=LENGTH, z=LENGTH)
def test_points_come_back(x: float, y: float, z: float) -> None:
    np.testing.assert_allclose(uvw_to_xyz(xyz_to_uvw([x, y, z])), [x, y, z], atol=1e-11)


@few_examples
@given(u=LENGTH, v=st.floats(-R * 3.14, R * 3.14), w=st.floats(-R + 1e-3, 100))
def test_places_behind_the_face_come_back(u: float, v: float, w: float) -> None:
    point = uvw_to_xyz([u, v, w])
    np.testing.assert_allclose(xyz_to_uvw(point), [u, v, w], atol=1e-8)
    # w is the distance from the face, v an arc on it.
    np.testing.assert_allclose(np.hypot(*point[:2]), R + w, rtol=1e-12)
    turned = uvw_to_xyz([u, 0.0, w])
    np.testing.assert_allclose(np.dot(point[:2], turned[:2]), (R + w) ** 2 * np.cos(v / R), atol=1e-8)


@few_examples
@given(theta=st.floats(1e-3, 179.999), phi=st.floats(-179.999, 180), length=st.floats(1e-3, 1e3))
def test_directions_come_back(theta: float, phi: float, length: float) -> None:
    direction = angles_to_direction(theta, phi, degrees=True)
    np.testing.assert_allclose(np.linalg.norm(direction), 1, rtol=1e-14)
    found = np.array(direction_to_angles(length * direction, degrees=True))
    # Near the poles a direction says little about its azimuth.
    np.testing.assert_allclose(found, [theta, phi], atol=1e-9)
    np.testing.assert_allclose(
        np.degrees(direction_to_angles(direction, degrees=False)), found, rtol=1e-13, atol=1e-12
    )


@few_examples
@given(angle=st.floats(-1e4, 1e4), turns=st.integers(-5, 5))
def test_whole_turns_do_not_matter(angle: float, turns: int) -> None:
    wrapped = float(wrap_degrees(angle + 360.0 * turns))
    assert -180 <= wrapped < 180
    difference = (angle - wrapped) / 360
    np.testing.assert_allclose(difference, round(difference), atol=1e-11)
