"""Light scaled to the nominal places of displaced sensors, and what the reconstruction gains by it."""

import numpy as np
import pytest
import torch
from tests.displaced import displaced

from xec_data.simulation.light_map import arrival_probability
from xec_geometry import FIDUCIAL, sensor_normals, sensor_positions, solid_angle, uvw_to_xyz
from xec_geometry.detector.survey import nominal_table
from xec_models.anchor.conventional import AnchorTruth
from xec_models.anchor.table import ANCHORS
from xec_models.anchor.transport import Transport
from xec_models.encoder.readings import read

BUILT = displaced()


def test_displaced_sensors_get_the_solid_angle_of_their_nominal_places():
    rng = np.random.default_rng(1)
    uvw = rng.uniform([-20, -60, 3], [20, 60, 8], (6, 3))
    xyz = uvw_to_xyz(uvw)
    built, nominal = solid_angle(xyz, table=BUILT), solid_angle(xyz)
    moved = Transport(BUILT).double()(torch.tensor(built), torch.tensor(xyz)).numpy()
    bright = nominal > 1e-3
    wrong, left = (np.abs(x[bright] / nominal[bright] - 1) for x in (built, moved))
    # At 3 to 8 cm, 6 mm are about a tenth of the light.
    assert np.median(wrong) > 0.05
    assert np.median(left) < 0.002
    assert left.max() < 0.02


def test_events_without_a_point_stay_as_they_are():
    counts = torch.rand(2, len(sensor_positions()))
    xyz = torch.tensor([[torch.nan] * 3, [-68.0, 0.0, 0.0]])
    moved = Transport(BUILT)(counts, xyz)
    assert torch.equal(moved[0], counts[0])
    assert not torch.equal(moved[1], counts[1])


def test_the_nominal_detector_needs_none():
    for name in ("light", "sums"):
        for geometry in (None, nominal_table()):
            reconstruction = ANCHORS[name].build(geometry)
            assert reconstruction is not None
            assert reconstruction.transport is None


@pytest.fixture(scope="module")
def points():
    """Noise-free light of points on displaced sensors, and the truth of (u, v, w), energy and time."""
    rng = np.random.default_rng(2)
    n = 120
    limit = np.array([FIDUCIAL.u_max, FIDUCIAL.v_max])
    uvw = np.column_stack([rng.uniform(-limit, limit, (n, 2)), rng.uniform(1.0, 8.0, n)])
    xyz = uvw_to_xyz(uvw)
    npho = torch.tensor(arrival_probability(xyz, BUILT) * 1e6)
    way = np.linalg.norm(BUILT.positions - xyz[:, None], axis=2)
    time = torch.tensor(way / 29.9792458e9 * 1.65)
    truth = AnchorTruth(torch.tensor(uvw), torch.ones(n).double(), torch.zeros(n).double())
    return npho, time, truth


def test_the_right_geometry_locates_points_better(points):
    npho, time, truth = points
    width, spread = {}, {}
    for name, geometry in (("built", BUILT), ("nominal", None)):
        reconstruction = ANCHORS["light"].build(geometry).double()
        reconstruction.fit(npho[:80], time[:80], AnchorTruth(*(values[:80] for values in truth)))
        with torch.no_grad():
            estimate = reconstruction(read(npho[80:], time[80:], torch.float64))
        width[name] = (estimate.uvw - truth.uvw[80:]).abs().quantile(0.68, dim=0)
        spread[name] = (estimate.time.squeeze(1) - truth.time[80:]).abs().quantile(0.68)
    assert (width["built"] < 0.75 * width["nominal"]).all()
    # The way of the light is from where the sensors are: 6 mm are 33 ps, in the mean of many sensors less.
    assert spread["built"] < spread["nominal"]


def test_a_sensor_moved_along_its_normal_sees_the_closed_form():
    """Far away a SiPM sees A·h/r³: moved by 6 mm towards a point on its axis, (20 / 19.4)² as much."""
    sensor = 2000
    point = sensor_positions()[sensor] + 20.0 * sensor_normals()[sensor]
    table = nominal_table()
    moved = type(table)(table.positions + 0.6 * table.normals, table.normals, table.surveyed)
    counts = torch.full((1, len(sensor_positions())), 100.0, dtype=torch.float64)
    back = Transport(moved).double()(counts, torch.tensor(point[None]))[0, sensor]
    assert float(back) == pytest.approx(100 * (19.4 / 20) ** 2, rel=1e-3)
