"""The table of `xec bound`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
import uproot
from typer.testing import CliRunner

from xec_analysis.commands.bound import bound
from xec_analysis.errors import AnalysisError
from xec_analysis.likelihood.bound_table import DEPTHS, bound_at, bound_by_depth, bound_of_events
from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_analysis.likelihood.readout_model import ReadoutModel
from xec_data.simulation.configuration import SIGNAL_ENERGY, SimulationConfig
from xec_data.simulation.file import simulate_file
from xec_geometry import N_SENSORS


def run(*arguments: str) -> tuple[str, BaseException | None]:
    app = typer.Typer()
    app.command()(bound)
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})
    return result.output, result.exception


def test_the_numbers_of_a_point_are_those_of_the_bound() -> None:
    row = bound_at((3, 5, 2), 0.03)
    sigma = cramer_rao_bound(np.array([[3.0, 5.0, 2.0]]), 0.03).sigma[0]
    np.testing.assert_allclose(row.sigma, sigma / [1, 1, 1, 0.03, 1])
    output, _ = run("--uvw", "3,5,2", "--energy", "0.03")
    for number in sigma / [0.1, 0.1, 0.1, 0.03 / 100, 1e-12]:
        assert f"{number:.3g}" in output.split()


def test_deeper_points_are_less_precise() -> None:
    rows = bound_by_depth()
    assert [float(row.place) for row in rows] == list(DEPTHS)
    assert (np.diff([row.sigma[:3] for row in rows], axis=0) > 0).all()
    output, _ = run()
    assert f"{1e3 * SIGNAL_ENERGY:g} MeV" in output
    assert output.count("32") >= len(DEPTHS)


def test_the_truth_of_events(tmp_path: Path) -> None:
    path = tmp_path / "points.root"
    simulate_file(path, SimulationConfig(shower=False, dead_fraction=0.1, energy=(0.015, 0.06)), 40)
    with uproot.open(path) as file:
        npho, uvw, energy = (
            file["tree"][name].array(library="np")[:30].astype(np.float64)
            for name in ("npho", "uvwTruth", "energyTruth")
        )
    dead_in_file = npho > 1e9
    assert 0.05 < dead_in_file.mean() < 0.15
    dead = np.random.default_rng(2).random(N_SENSORS) < 0.3
    known = ReadoutModel(gain_spread=0.0)
    rows = bound_of_events(path, max_events=30)
    assert sum(row.n_points for row in rows) == 30
    of_fewer_sensors = bound_of_events(path, max_events=30, dead=dead)
    of_known_gains = bound_of_events(path, max_events=30, readout=known)
    for found, hidden, readout in (
        (rows, dead_in_file, None),
        (of_fewer_sensors, dead_in_file | dead, None),
        (of_known_gains, dead_in_file, known),
    ):
        sigma = cramer_rao_bound(uvw, energy, dead=hidden, readout=readout).sigma
        sigma[:, 3] /= energy
        for row in found:
            low, high = depths(row.place)
            those = (uvw[:, 2] >= low) & (uvw[:, 2] < high)
            assert row.n_points == those.sum()
            np.testing.assert_allclose(row.sigma, np.median(sigma[those], axis=0), rtol=1e-4)
    for row, better, worse in zip(rows, of_known_gains, of_fewer_sensors, strict=True):
        assert (better.sigma < row.sigma).all()
        assert (row.sigma < worse.sigma).all()


def depths(place: str) -> tuple[float, float]:
    if place.startswith("from "):
        return float(place.removeprefix("from ")), np.inf
    low, high = place.split(" to ")
    return float(low), float(high)


def test_known_gains_of_the_command_are_more_precise(tmp_path: Path) -> None:
    path = tmp_path / "points.root"
    simulate_file(path, SimulationConfig(shower=False), 20)
    unknown, known = ReadoutModel(), ReadoutModel(gain_spread=0.0)
    for readout, flags in ((unknown, []), (known, ["--known-gains"])):
        output, _ = run("--events", str(path), "-n", "20", *flags)
        assert "points.root" in output
        for row in bound_of_events(path, max_events=20, readout=readout):
            for number in row.sigma * [10, 10, 10, 100, 1e12]:
                assert f"{number:.3g}" in output.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--uvw", "3;5"], "expected u,v,w in cm"),
        (["--uvw", "3,5,-2"], "not in the xenon"),
        (["--uvw", "3,5,2", "--events", "a.root"], "exclude each other"),
        (["--energy", "0"], "expected more than 0"),
        (["--energy", "52.8"], "expected more than 0, at most 1 GeV"),
        (["--energy", "0.03", "--events", "a.root"], "the file has the energies"),
        (["--number", "5"], "expected --events FILE with it"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str) -> None:
    _, error = run(*arguments)
    assert isinstance(error, AnalysisError)
    assert message in str(error)
