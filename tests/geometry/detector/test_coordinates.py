"""Coordinates: golden points, round trips, units of the angles, the fiducial volume."""

import numpy as np
import pytest

from xec_geometry import (
    FIDUCIAL,
    angles_to_direction,
    direction_to_angles,
    face_ids,
    in_fiducial,
    sensor_positions,
    uvw_to_xyz,
    xyz_to_uvw,
)
from xec_geometry.detector.coordinates import wrap_degrees

R = 64.97  # inner radius, detector page


def points(n=500):
    rng = np.random.default_rng(3)
    radius, psi, z = rng.uniform(60, 110, n), rng.uniform(-3, 3, n), rng.uniform(-50, 50, n)
    return np.stack([-radius * np.cos(psi), radius * np.sin(psi), z], axis=-1)


def test_golden_points():
    assert xyz_to_uvw([-R, 0, 5]) == pytest.approx([5, 0, 0])
    assert xyz_to_uvw([-R - 3, 0, 0]) == pytest.approx([0, 0, 3])
    assert xyz_to_uvw([0, R, -2]) == pytest.approx([-2, R * np.pi / 2, 0])
    assert uvw_to_xyz([1, R * np.pi / 2, 10]) == pytest.approx([0, R + 10, 1])


def test_round_trip():
    xyz = points()
    np.testing.assert_allclose(uvw_to_xyz(xyz_to_uvw(xyz)), xyz, atol=1e-12)
    uvw = np.random.default_rng(4).uniform([-24, -68, 0], [24, 68, 38], (7, 11, 3))
    np.testing.assert_allclose(xyz_to_uvw(uvw_to_xyz(uvw)), uvw, atol=1e-12)


def test_inner_face_has_no_depth_and_even_steps():
    uvw = xyz_to_uvw(sensor_positions()[face_ids("inner")])
    assert uvw[:, 2] == pytest.approx(0, abs=1e-12)
    assert np.diff(uvw.reshape(93, 44, 3)[..., 1], axis=0) == pytest.approx(-1.530453, abs=1e-6)


@pytest.mark.parametrize("function", [xyz_to_uvw, uvw_to_xyz])
def test_shapes(function):
    assert function(np.ones((0, 3))).shape == (0, 3)
    assert function(np.ones((2, 4, 3), dtype=np.float32)).dtype == np.float64
    with pytest.raises(ValueError, match=r"shape \(…, 3\)"):
        function(np.ones((3, 2)))


def test_golden_directions():
    """φ = 0, θ = 90° points along −x, to the middle of the detector."""
    assert angles_to_direction(90, 0, degrees=True) == pytest.approx([-1, 0, 0])
    assert angles_to_direction(0, 77, degrees=True) == pytest.approx([0, 0, 1])
    assert angles_to_direction(90, 90, degrees=True) == pytest.approx([0, 1, 0])
    theta, phi = direction_to_angles([-1, 0, 0], degrees=True)
    assert (theta, phi) == pytest.approx((90, 0))


def test_degrees_are_radians_in_other_units():
    theta, phi = np.array([10.0, 80.0, 170.0]), np.array([-60.0, 5.0, 120.0])
    np.testing.assert_allclose(
        angles_to_direction(theta, phi, degrees=True),
        angles_to_direction(np.deg2rad(theta), np.deg2rad(phi), degrees=False),
    )
    direction = angles_to_direction(theta, phi, degrees=True)
    np.testing.assert_allclose(direction_to_angles(direction, degrees=True), [theta, phi])
    np.testing.assert_allclose(direction_to_angles(direction, degrees=False), np.deg2rad([theta, phi]))
    with pytest.raises(TypeError):
        angles_to_direction(theta, phi)


def test_directions_are_unit_vectors_and_lengths_do_not_matter():
    rng = np.random.default_rng(6)
    theta, phi = rng.uniform(1, 179, (4, 5)), rng.uniform(-179, 179, (4, 5))
    direction = angles_to_direction(theta, phi, degrees=True)
    assert direction.shape == (4, 5, 3)
    assert np.linalg.norm(direction, axis=-1) == pytest.approx(1)
    found = direction_to_angles(7.5 * direction, degrees=True)
    np.testing.assert_allclose(found, [theta, phi], atol=1e-10)


def test_small_angles_keep_their_digits():
    theta, _ = direction_to_angles(angles_to_direction(1e-9, 0.3, degrees=False), degrees=False)
    assert theta == pytest.approx(1e-9, rel=1e-12)


def test_direction_and_position_agree():
    """A photon from the origin along (90°, φ) meets the inner face at v = R·φ."""
    psi = 0.4
    point = R * angles_to_direction(np.pi / 2, psi, degrees=False)
    assert xyz_to_uvw(point) == pytest.approx([0, R * psi, 0], abs=1e-12)


def test_fiducial_volume():
    """|u| < 23.9, |v| < 67.9, w ≥ 0 (detector page)."""
    assert FIDUCIAL == (23.9, 67.9, 0.0)
    uvw = np.array(
        [
            [0, 0, 0],
            [23.8, -67.8, 5],
            [23.9, 0, 1],
            [-24, 0, 1],
            [0, 68, 1],
            [0, 0, -0.01],
            [0, 0, 39],
            [np.nan, 0, 1],
        ]
    )
    assert in_fiducial(uvw).tolist() == [True, True, False, False, False, False, True, False]
    assert in_fiducial(uvw, w_max=38)[6] is np.False_
    assert in_fiducial(uvw, u_max=30).tolist()[2:4] == [True, True]
    assert in_fiducial([0, 0, 1], w_min=2) == np.False_


def test_differences_of_angles_are_wrapped():
    wrapped = wrap_degrees([179.0 - -179.0, -358.0, 180.0, -180.0, 30.0])
    np.testing.assert_array_equal(wrapped, [-2, 2, -180, -180, 30])
