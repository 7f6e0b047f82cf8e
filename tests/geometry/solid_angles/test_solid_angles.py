"""Solid angles against closed forms, numerical integration, Monte Carlo, limits and sum rules."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.integrate import dblquad

from xec_geometry import (
    N_SENSORS,
    GeometryError,
    SensorTable,
    face_ids,
    sensor_areas,
    sensor_normals,
    sensor_positions,
    solid_angle,
    uvw_to_xyz,
)
from xec_geometry.solid_angles.disc import disc_by_elliptic_integrals, disc_solid_angle
from xec_geometry.solid_angles.square_chips import chip_edges, chips_solid_angle, rectangles_solid_angle

PMT = 2.25  # cm, radius of the photocathode (detector page)


def points_in_xenon(n, seed=11):
    rng = np.random.default_rng(seed)
    return uvw_to_xyz(rng.uniform([-24, -68, 0.5], [24, 68, 35], (n, 3)))


def integrated(x, y, d, x0, x1, y0, y1):
    """∫∫ d / r³ over a rectangle, (y0, y1) possibly functions of x."""
    accuracy = {"epsabs": 1e-12, "epsrel": 1e-10}
    return dblquad(lambda b, a: d / ((a - x) ** 2 + (b - y) ** 2 + d * d) ** 1.5, x0, x1, y0, y1, **accuracy)[
        0
    ]


# The disc ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1e-6, 0.1, 1.0, 2.25, 8.9, 9.1, 50.0, 1e4])
def test_disc_on_its_axis(d):
    """2π·(1 − d/√(d² + R²)), in a form that keeps its digits far away."""
    hypotenuse = np.hypot(d, PMT)
    expected = 2 * np.pi * PMT**2 / (hypotenuse * (hypotenuse + d))
    assert disc_solid_angle(np.zeros(1), np.zeros(1), np.array([d])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("offset", "d"), [(0.7, 0.4), (2.0, 0.3), (2.25, 1.0), (2.6, 0.5), (5.0, 2.0), (8.0, 6.0), (20.0, 5.0)]
)
def test_disc_against_integration(offset, d):
    expected = integrated(
        offset, 0.0, d, -PMT, PMT, lambda a: -np.sqrt(PMT**2 - a * a), lambda a: np.sqrt(PMT**2 - a * a)
    )
    for angle in (0.0, 0.9):
        found = disc_solid_angle(
            np.array([offset * np.cos(angle)]), np.array([offset * np.sin(angle)]), np.array([d])
        )
        assert found == pytest.approx(expected, rel=1e-8)


def test_disc_against_monte_carlo():
    """Directions drawn evenly over the half sphere below the point; 4 σ of the fraction that hit."""
    rng = np.random.default_rng(2)
    n, point = 400_000, np.array([1.5, -2.0, 1.2])
    direction = rng.normal(size=(n, 3))
    direction[:, 2] = -np.abs(direction[:, 2])
    hit = point - direction * (point[2] / direction[:, 2])[:, None]
    fraction = (np.hypot(hit[:, 0], hit[:, 1]) < PMT).mean()
    expected = disc_solid_angle(*(point[:, None]))[0] / (2 * np.pi)
    assert abs(fraction - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


def test_disc_is_smooth_across_its_rim():
    """Just inside, on and just outside the cylinder over the rim the formula changes its branch."""
    for d in (1e-3, 0.1, 1.0, 5.0):
        offsets = PMT * (1 + np.array([-1e-6, -1e-9, -1e-15, 0.0, 1e-15, 1e-9, 1e-6]))
        values = disc_by_elliptic_integrals(offsets, np.full(7, d), PMT)
        assert np.isfinite(values).all()
        assert np.ptp(values) < 3e-6 * 2 * PMT / d
        assert np.all(np.diff(values) < 1e-12)


def test_disc_series_joins_the_elliptic_integrals():
    rng = np.random.default_rng(8)
    theta, r = rng.uniform(0, np.pi / 2, 400), rng.uniform(4.001, 6, 400) * PMT
    offset, d = r * np.sin(theta), r * np.cos(theta)
    series = disc_solid_angle(offset, np.zeros_like(offset), d)
    np.testing.assert_allclose(series, disc_by_elliptic_integrals(offset, d, PMT), rtol=1e-11)


def test_disc_in_its_plane():
    """The limit from the front: half of all directions on it, a quarter on the rim, none beside it."""
    x = np.array([0.0, 1.0, PMT, 2.5, 8.0, 30.0])
    zero = np.zeros_like(x)
    expected = np.pi * np.array([2, 2, 1, 0, 0, 0])
    np.testing.assert_allclose(disc_solid_angle(x, zero, zero), expected)
    off_rim = x != PMT
    near = disc_solid_angle(x, zero, np.full_like(x, 1e-8))
    np.testing.assert_allclose(near[off_rim], expected[off_rim], atol=1e-6)


# Rectangles and chips -------------------------------------------------------------------------------


def test_chips_of_a_sipm():
    """2 × 2 chips of 0.59 cm, 0.05 cm apart (detector page)."""
    assert np.array(chip_edges()) == pytest.approx(np.array([(-0.615, -0.025), (0.025, 0.615)]))


@pytest.mark.parametrize("point", [(0.3, 0.3, 0.2), (0.0, 0.0, 0.5), (0.9, -0.4, 0.3), (10.0, 4.0, 7.0)])
def test_chips_against_integration(point):
    expected = sum(integrated(*point, *xs, *ys) for xs, ys in product(chip_edges(), repeat=2))
    found = chips_solid_angle(*(np.array([value]) for value in point))
    assert found == pytest.approx(expected, rel=1e-8)


def test_rectangle_against_its_four_corners():
    """Ω = Σ ± arctan(x·y / (d·r)) over the corners, another closed form."""
    rng = np.random.default_rng(9)
    x, y, d = rng.uniform(-3, 3, 200), rng.uniform(-3, 3, 200), rng.uniform(0.01, 3, 200)
    x_edges, y_edges = (-0.8, 1.3), (-0.2, 0.7)
    expected = sum(
        sign_a * sign_b * np.arctan2((a - x) * (b - y), d * np.sqrt((a - x) ** 2 + (b - y) ** 2 + d * d))
        for (a, sign_a), (b, sign_b) in product(
            zip(x_edges, (-1, 1), strict=True), zip(y_edges, (-1, 1), strict=True)
        )
    )
    np.testing.assert_allclose(rectangles_solid_angle(x, y, d, [(x_edges, y_edges)]), expected, atol=1e-13)


def test_a_closed_box_fills_all_directions():
    rng = np.random.default_rng(10)
    half = np.array([1.0, 2.0, 0.7])
    points = rng.uniform(-0.999, 0.999, (300, 3)) * half
    total = np.zeros(300)
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        side = [((-half[a], half[a]), (-half[b], half[b]))]
        for sign in (-1, 1):
            distance = half[axis] - sign * points[:, axis]
            total += rectangles_solid_angle(points[:, a], points[:, b], distance, side)
    np.testing.assert_allclose(total, 4 * np.pi, rtol=1e-13)


def test_tiles_add_up():
    """A rectangle cut into tiles, point very near to it included."""
    edges = np.linspace(-1, 1, 4).tolist()
    tiles = list(product(pairwise(edges), repeat=2))
    x, y, d = np.array([0.1, 0.1, 5.0]), np.array([0.2, 0.2, 1.0]), np.array([1.0, 1e-10, 2.0])
    whole = rectangles_solid_angle(x, y, d, [((-1.0, 1.0), (-1.0, 1.0))])
    np.testing.assert_allclose(rectangles_solid_angle(x, y, d, tiles), whole, rtol=1e-12)
    assert whole[1] == pytest.approx(2 * np.pi, abs=1e-8)


def test_chips_in_their_plane():
    x = np.array([0.3, 0.0, 0.3, 0.615, 0.615, 2.0])
    y = np.array([0.3, 0.0, 0.615, 0.615, 0.0, 0.3])
    expected = np.pi * np.array([2, 0, 1, 0.5, 0, 0])
    np.testing.assert_allclose(chips_solid_angle(x, y, np.zeros_like(x)), expected)


# All sensors ----------------------------------------------------------------------------------------


def test_shapes_and_subsets():
    points = points_in_xenon(5)
    everything = solid_angle(points)
    assert everything.shape == (5, N_SENSORS)
    assert everything.dtype == np.float64
    some = [4700, 3, 4759, 3]
    np.testing.assert_array_equal(solid_angle(points, sensors=some), everything[:, some])
    np.testing.assert_array_equal(solid_angle(points, 17)[:, 0], everything[:, 17])
    np.testing.assert_array_equal(solid_angle(points[2]), everything[2])
    assert solid_angle(np.empty((0, 3))).shape == (0, N_SENSORS)
    assert solid_angle(points, sensors=[]).shape == (5, 0)
    assert solid_angle(points.tolist()).shape == (5, N_SENSORS)


def test_blocks_of_points_do_not_matter():
    points = points_in_xenon(40)
    one_by_one = np.stack([solid_angle(point) for point in points])
    np.testing.assert_array_equal(solid_angle(points), one_by_one)


def test_the_detector_covers_a_part_of_all_directions():
    total = solid_angle(points_in_xenon(60)).sum(axis=1)
    assert np.all(total < 0.65)
    assert np.all(total > 0.15)


def test_far_away_only_area_and_tilt_count():
    """Ω/4π → A·cos θ/(4π·r²), for every sensor that looks towards the point."""
    direction = np.array([0.3, -0.5, 0.81])
    point = 1e6 * direction / np.linalg.norm(direction)
    step = point - sensor_positions()
    r = np.linalg.norm(step, axis=1)
    cosine = np.einsum("ij,ij->i", step, sensor_normals()) / r
    expected = sensor_areas() * np.clip(cosine, 0, None) / (4 * np.pi * r**2)
    np.testing.assert_allclose(solid_angle(point), expected, rtol=1e-9, atol=1e-24)
    assert (expected > 0).sum() > 1000


def test_against_a_fine_mesh_in_space():
    """Sum d/r³ over small pieces of sensors, placed in space with independently built axes."""
    sensors = np.array([0, 2000, 4091, 4092, 4749, 4310, 4500, 4600, 4741])
    point = uvw_to_xyz([3.0, 10.0, 12.0])
    z = np.array([0.0, 0.0, 1.0])
    found = solid_angle(point, sensors)
    for sensor, value in zip(sensors.tolist(), found, strict=True):
        normal, center = sensor_normals()[sensor], sensor_positions()[sensor]
        across = np.cross(z, normal)
        across /= np.linalg.norm(across)
        along = np.cross(normal, across)
        if sensor < 4092:
            side = np.concatenate([a + (np.arange(8) + 0.5) * (b - a) / 8 for a, b in chip_edges()])
            s, t = (axis.ravel() for axis in np.meshgrid(side, side))
            area = np.full(s.size, (0.59 / 8) ** 2)
        else:
            ring, angle = np.meshgrid((np.arange(300) + 0.5) * PMT / 300, np.arange(64) * 2 * np.pi / 64)
            s, t = (ring * np.cos(angle)).ravel(), (ring * np.sin(angle)).ravel()
            area = (ring * PMT / 300 * 2 * np.pi / 64).ravel()
        step = point - (center + s[:, None] * across + t[:, None] * along)
        expected = (area * (step @ normal) / np.linalg.norm(step, axis=1) ** 3).sum() / (4 * np.pi)
        assert value == pytest.approx(max(expected, 0), rel=2e-5, abs=1e-15)
    assert (found > 0).sum() > 5


def test_mirror_symmetry():
    """Reflecting z swaps upstream and downstream."""
    point = uvw_to_xyz([7.0, -20.0, 9.0])
    here, there = solid_angle(point), solid_angle(point * [1, 1, -1])
    np.testing.assert_allclose(here[face_ids("us")], there[face_ids("ds")], rtol=1e-10)
    inner = face_ids("inner").reshape(-1, 44)
    np.testing.assert_allclose(here[inner], there[inner[:, ::-1]], rtol=1e-9, atol=1e-16)


def test_behind_and_on_the_sensors():
    behind = sensor_positions() - 0.5 * sensor_normals()
    surface = sensor_positions()
    for sensor in (10, 2222, 4100, 4750, 4320, 4460, 4599, 4680):
        assert solid_angle(behind[sensor], sensor) == 0
        # At the middle of a SiPM the chips leave a gap; the middle of a PMT is photocathode.
        assert solid_angle(surface[sensor], sensor) == (0.0 if sensor < 4092 else 0.5)
        near = solid_angle(surface[sensor] + 1e-3 * sensor_normals()[sensor], sensor)
        assert 0 <= near <= 0.5
    everywhere = solid_angle(surface[::97])
    assert np.isfinite(everywhere).all()
    assert everywhere.min() >= 0
    assert everywhere.max() <= 0.5


def test_as_built_table_moves_the_light():
    sensors = np.array([1000, 4150])
    point = uvw_to_xyz([3.0, 10.0, 12.0])
    shift = np.array([0.2, -0.1, 0.3])
    moved = SensorTable(sensor_positions() + shift, sensor_normals(), np.arange(N_SENSORS))
    np.testing.assert_allclose(
        solid_angle(point + shift, sensors, table=moved), solid_angle(point, sensors), rtol=1e-10
    )
    normals = sensor_normals().copy()
    normals[1000] = (point - sensor_positions()[1000]) / np.linalg.norm(point - sensor_positions()[1000])
    turned = SensorTable(sensor_positions(), normals, np.arange(N_SENSORS))
    assert solid_angle(point, 1000, table=turned) > solid_angle(point, 1000)


def test_a_sensor_that_looks_along_z_has_axes_too():
    normals = sensor_normals().copy()
    normals[[5, 4200]] = [0, 0, 1]
    table = SensorTable(sensor_positions(), normals, np.arange(N_SENSORS))
    for sensor in (5, 4200):
        point = sensor_positions()[sensor] + np.array([0, 0, 3.0])
        on_axis = disc_solid_angle if sensor == 4200 else chips_solid_angle
        expected = on_axis(np.zeros(1), np.zeros(1), np.array([3.0])) / (4 * np.pi)
        assert solid_angle(point, sensor, table=table) == pytest.approx(expected)


@pytest.mark.parametrize("sensors", [[-1], [4760], [0.5], ["0"], [True]])
def test_unknown_sensors(sensors):
    with pytest.raises(GeometryError, match="expected"):
        solid_angle([-80.0, 0, 0], sensors)


def test_wrong_shape_of_points():
    with pytest.raises(ValueError, match="expected points of shape"):
        solid_angle(np.zeros((3, 2)))


def test_moved_sensors_follow_the_closed_form():
    """On the axis of a SiPM and of a PMT, 3 cm and 10 cm away, before and after both moved by 6 mm."""
    built = SensorTable(sensor_positions() + 0.6 * sensor_normals(), sensor_normals(), np.arange(N_SENSORS))
    for sensor, height, closed in ((2000, 3.0, _square_chips), (4300, 10.0, _disc)):
        point = sensor_positions()[sensor] + height * sensor_normals()[sensor]
        assert solid_angle(point, sensor)[0] == pytest.approx(closed(height), rel=1e-9)
        # Both move towards the point.
        assert solid_angle(point, sensor, table=built)[0] == pytest.approx(closed(height - 0.6), rel=1e-9)


def _square_chips(height):
    """Four chips between 0.025 and 0.615 cm from the axis: atan(xy / (h·r)) at their corners, over 4π."""
    near, far = 0.025, 0.615

    def corner(x, y):
        return np.arctan(x * y / (height * np.sqrt(x * x + y * y + height * height)))

    return 4 * (corner(far, far) - 2 * corner(near, far) + corner(near, near)) / (4 * np.pi)


def _disc(height):
    return (1 - height / np.hypot(height, 2.25)) / 2
