"""Light on displaced sensors: the fast light against the light map, and the events of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot
from tests.displaced import SURVEY, displaced, write_table

from xec_data.simulation import SimulationConfig, expected_photons, simulate_events
from xec_data.simulation.constants import CONSTANTS
from xec_data.simulation.fast_light import TOLERANCE, FastLight
from xec_data.simulation.shower import Deposits
from xec_geometry import SensorTable, geometry_hash, sensor_positions, uvw_to_xyz
from xec_geometry.cli.application import main

BUILT = displaced()


def tilted() -> SensorTable:
    """The displaced sensors, their normals turned by about 3°."""
    normals = BUILT.normals + 0.05 * np.random.default_rng(4).normal(size=BUILT.normals.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return SensorTable(BUILT.positions, normals, BUILT.surveyed)


@pytest.mark.parametrize("table", [BUILT, tilted()], ids=["displaced", "tilted"])
def test_the_fast_light_is_the_light_map(table: SensorTable) -> None:
    xyz = uvw_to_xyz([[5.0, -20.0, 2.0], [-15.0, 40.0, 6.0], [0.0, 0.0, 1.0]])
    energy = np.full((3, 1), 0.05)
    deposits = Deposits(xyz[:, None], energy, np.zeros((3, 1)), np.ones((3, 1), bool))
    expected = expected_photons(xyz, 0.05, table)
    nominal = expected_photons(xyz, 0.05)
    for photons, exact, elsewhere in zip(
        (light for light, _ in FastLight(1, table).shine(deposits)), expected, nominal, strict=True
    ):
        # That tolerance is one of showers, in which approximations average out.
        np.testing.assert_allclose(photons, exact, rtol=2 * TOLERANCE, atol=1e-3)
        bright = elsewhere > 0.3 * elsewhere.max()
        assert np.abs(exact[bright] / elsewhere[bright] - 1).max() > 0.1


def test_far_light_goes_with_the_square_of_the_distance() -> None:
    """All sensors 6 mm nearer: a bright one on whose axis light starts sees the closed form."""
    sensor, depth = 2000, 12.0
    nominal = displaced(0.0001)
    near = SensorTable(sensor_positions() + 0.6 * nominal.normals, nominal.normals, nominal.surveyed)
    point = (sensor_positions()[sensor] + depth * nominal.normals[sensor])[None]
    seen, before = (expected_photons(point, 0.05, table)[0, sensor] for table in (near, None))
    share = CONSTANTS.diffuse_share

    def light(h: float) -> float:
        half = 0.615
        straight = 4 * np.arctan(half**2 / (h * np.sqrt(2 * half**2 + h * h))) / (4 * np.pi)
        diffuse = 1.3924 / (4 * np.pi * (h * h + CONSTANTS.scattering_length**2))
        # The gap between the chips takes 8 % of the square at either distance.
        return np.exp(-h / CONSTANTS.absorption_length) * (
            (1 - share) * straight * 1.3924 / (2 * half) ** 2 + share * diffuse
        )

    assert seen / before == pytest.approx(light(depth - 0.6) / light(depth), rel=1e-4)


def test_a_file_of_displaced_sensors(tmp_path: Path) -> None:
    table, output = write_table(tmp_path / "built.txt", BUILT, SURVEY), tmp_path / "events.root"
    with pytest.raises(SystemExit) as end:
        main(["data", "simulate", str(output), "-n", "2", "-j", "1", "--geometry", str(table)])
    assert end.value.code in (0, None)
    with uproot.open(output) as file:
        tree = file["tree"]
        assert geometry_hash(table=BUILT) in tree.title
        npho = tree["npho"].array(library="np")
    expected = next(simulate_events(SimulationConfig(geometry=BUILT), 2))["npho"]
    np.testing.assert_array_equal(npho, expected)
    assert not np.array_equal(npho, next(simulate_events(SimulationConfig(), 2))["npho"])
