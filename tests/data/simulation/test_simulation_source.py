import numpy as np
import pytest
from scipy import stats

from xec_data.simulation import SimulationConfig, SimulationError, parse_energy
from xec_data.simulation.source import draw_vertices, emit_photons
from xec_data.simulation.volume import in_xenon
from xec_geometry import FIDUCIAL, sensor_normals, sensor_positions, xyz_to_uvw

N = 20_000
MEAN_DEPTH = 9 / 7 * 2.872  # cm, detector page: radiation length 2.872, mean depth about 3.7


@pytest.fixture(scope="module")
def photons():
    return emit_photons(SimulationConfig(energy=(0.015, 0.060)), np.random.default_rng(1), N)


def _way_out(start, direction):
    """Length of the straight way inside of the xenon, by marching."""
    steps = np.arange(0.05, 90.0, 0.1)
    inside = np.stack([in_xenon(start + s * direction) for s in steps])
    return np.argmin(inside, axis=0) * 0.1


def test_conversion_depth_is_an_exponential_truncated_by_the_xenon(photons):
    depth = np.linalg.norm(photons.conversion - photons.crossing, axis=1)
    way_out = _way_out(photons.crossing, photons.direction)
    cut = np.exp(-way_out / MEAN_DEPTH)
    expected = MEAN_DEPTH - way_out * cut / (1 - cut)
    assert abs(np.mean(depth - expected)) < 4 * depth.std() / np.sqrt(N)
    assert depth.mean() == pytest.approx(3.7, abs=0.1)
    assert np.all(depth < way_out + 0.1)
    assert in_xenon(photons.conversion).all()


def test_photons_cross_the_inner_face_uniformly(photons):
    u, v, w = xyz_to_uvw(photons.crossing).T
    assert np.abs(w).max() < 1e-9
    for values, reach in ((u, FIDUCIAL.u_max), (v, FIDUCIAL.v_max)):
        assert stats.kstest(values, stats.uniform(-reach, 2 * reach).cdf).pvalue > 1e-3
    counts, _, _ = np.histogram2d(u, v, bins=10)
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3


def test_photons_fly_straight_from_the_vertex(photons):
    for points in (photons.crossing, photons.conversion):
        way = points - photons.vertex
        assert np.allclose(way, np.linalg.norm(way, axis=1, keepdims=True) * photons.direction, atol=1e-9)


def test_energies_are_uniform_over_the_range(photons):
    assert stats.kstest(photons.energy, stats.uniform(0.015, 0.045).cdf).pvalue > 1e-3


def test_vertices_lie_on_the_slanted_foil():
    vertices = draw_vertices(1.0, np.random.default_rng(2), N)
    x, y, z = vertices.T
    assert np.allclose(x, z * np.tan(np.deg2rad(15.0)))
    # The foil is 27 cm × 6.6 cm; its rim at three sigma cuts the spot only a little.
    assert np.all((np.hypot(x, z) / 13.5) ** 2 + (y / 3.3) ** 2 <= 1)
    for spot in (x, y):
        assert abs(spot.mean()) < 4 / np.sqrt(N)
        assert spot.std() == pytest.approx(1.0, abs=0.03)
    assert not draw_vertices(0.0, np.random.default_rng(2), 5).any()


def test_the_xenon_begins_in_front_of_every_sensor():
    step = 0.01 * sensor_normals()
    assert in_xenon(sensor_positions() + step).all()
    assert not in_xenon(sensor_positions() - step).any()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.0528", (0.0528, 0.0528)), ("0.015:0.060", (0.015, 0.060)), ("1e-2", (0.01, 0.01))],
)
def test_energy_texts(text, expected):
    assert parse_energy(text) == expected


@pytest.mark.parametrize("text", ["", "52.8MeV", "0.01:", "0.01:0.02:0.03", ":"])
def test_wrong_energy_texts(text):
    with pytest.raises(SimulationError, match=r"expected one in GeV \(0.0528\) or a range"):
        parse_energy(text)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"energy": (0.0, 0.0)}, "0:0 GeV"),
        ({"energy": (0.06, 0.015)}, "0.06:0.015 GeV"),
        ({"energy": (52.8, 52.8)}, "52.8:52.8 GeV"),
        ({"energy": (float("nan"), 0.05)}, "nan:0.05 GeV"),
        ({"dead_fraction": 1.0}, "dead sensors is 1;"),
        ({"dead_fraction": -0.1}, "dead sensors is -0.1;"),
        ({"dead_fraction": float("nan")}, "dead sensors is nan;"),
        ({"run": -1}, "run number is -1"),
        ({"run": 2**31}, "run number is 2147483648"),
        ({"vertex_spread": 10.0}, "vertex spread is 10 cm"),
        ({"deposits": 0}, "deposits is 0"),
        ({"npho_threshold": -1.0}, "threshold is -1 photons"),
        ({"npho_threshold": float("inf")}, "threshold is inf photons"),
    ],
)
def test_settings_out_of_range(setting, complaint):
    with pytest.raises(SimulationError, match=complaint):
        SimulationConfig(**setting)
