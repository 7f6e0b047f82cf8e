"""The table of `xec bound`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from xec_analysis.commands.bound import bound
from xec_analysis.errors import AnalysisError
from xec_analysis.likelihood.bound_table import DEPTHS, bound_at, bound_by_depth, bound_of_events
from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.file import simulate_file


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
    assert "52.8 MeV" in output
    assert output.count("32") >= len(DEPTHS)


def test_the_truth_of_events(tmp_path: Path) -> None:
    path = tmp_path / "points.root"
    simulate_file(path, SimulationConfig(shower=False, dead_fraction=0.1), 40)
    rows = bound_of_events(path, max_events=30)
    assert sum(row.n_points for row in rows) == 30
    better = bound_of_events(path, max_events=30, readout=None)
    np.testing.assert_allclose(rows[0].sigma, better[0].sigma)
    output, _ = run("--events", str(path), "-n", "30", "--known-gains")
    assert "points.root" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--uvw", "3;5"], "expected u,v,w in cm"),
        (["--uvw", "3,5,-2"], "not in the xenon"),
        (["--uvw", "3,5,2", "--events", "a.root"], "exclude each other"),
        (["--energy", "0"], "expected more than 0"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str) -> None:
    _, error = run(*arguments)
    assert isinstance(error, AnalysisError)
    assert message in str(error)
