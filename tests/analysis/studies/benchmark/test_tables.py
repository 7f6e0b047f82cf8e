"""Tables and figures of a set."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis.studies.benchmark.bounds import bound_ratios, bound_rows
from xec_analysis.studies.benchmark.content import SetNumbers
from xec_analysis.studies.benchmark.estimates import Estimates
from xec_analysis.studies.benchmark.figures import draw_figures
from xec_analysis.studies.benchmark.measurement import measure_set
from xec_analysis.studies.benchmark.statistics import Number
from xec_analysis.studies.benchmark.tables import missing_estimates, remarks, set_tables, with_error
from xec_analysis.studies.benchmark.truth import SetTruth


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
        (None, ""),
    ],
)
def test_two_digits_of_the_error_count(number: Number | None, text: str) -> None:
    assert with_error(number) == text


def test_a_bias_has_a_sign() -> None:
    assert with_error(Number(1.25, 0.5), signed=True) == "+1.25 ± 0.50"


@pytest.fixture
def numbers(make_truth: Callable[..., SetTruth], gaussian_estimates: Callable[..., Estimates]) -> SetNumbers:
    """A network, an estimator that is worse and states no σ, and the bound."""
    truth = make_truth(2000)
    network = gaussian_estimates(truth)
    refined = replace(gaussian_estimates(truth, factor=2, seed=1), method="refined", sigma={})
    refined.values["timing"][:50] = np.nan
    bounds = {task: sigma / 2 for task, sigma in network.sigma.items() if task != "angle"}
    measured = measure_set(truth, [network, refined])
    return replace(
        measured,
        resolutions=(*measured.resolutions, *bound_rows(bounds, truth)),
        bound_ratios=tuple(bound_ratios(bounds, truth, [network, refined])),
    )


def test_all_numbers_of_a_quantity_stand_together(numbers: SetNumbers) -> None:
    table, *_ = set_tables(numbers)
    assert table.header == ("quantity", "", "unit", "network", "refined", "bound")
    place = [row[0] for row in table.rows].index("energy")
    width, rms, bias, pull, after = table.rows[place : place + 5]
    assert [row[1] for row in (width, rms, bias, pull)] == ["68 %", "RMS", "bias", "pull"]
    assert width[3].startswith("**")
    assert not width[4].startswith("**")
    assert not width[5].startswith("**"), "the bound is no method"
    assert width[2] == "%"
    assert bias[5] == pull[4] == ""
    assert after[0] == "time"


def test_the_tables_of_a_point_set(numbers: SetNumbers) -> None:
    titles = [table.title for table in set_tables(numbers)]
    assert titles == [
        "Points of 15–60 MeV: 2000 events",
        "Width of the pulls in bins of w [cm]",
        "Width of the pulls in bins of energy [MeV]",
        "RMS over the Cramér–Rao bound in bins of w [cm]",
    ]
    assert len(list(set_tables(numbers, binned=False))) == 2


def test_markdown_and_terminal_say_the_same(numbers: SetNumbers) -> None:
    console = Console(file=io.StringIO(), width=250)
    for table in set_tables(numbers):
        lines = table.markdown().splitlines()
        assert {line.count("|") for line in lines} == {len(table.header) + 1}
        console.print(table.rich())
    shown = console.file.getvalue().split()
    for table in set_tables(numbers):
        for word in " ".join(" ".join(row) for row in table.rows).replace("**", "").split():
            assert word in shown


def test_left_out_events_are_named(numbers: SetNumbers) -> None:
    assert missing_estimates(numbers) == [
        "refined: 1950 of 2000 events have an estimate; the others are left out"
    ]


def test_the_figures_name_methods_and_quantities(
    numbers: SetNumbers, tmp_path: Path, written_texts: list[list[str]]
) -> None:
    paths = draw_figures(numbers, tmp_path, "png")
    assert [path.name for path in paths] == ["widths_points.png", "pulls_points.png"]
    widths, pulls = written_texts
    assert {"network", "refined", "bound", "energy [%]", "time [ps]", "opening angle [deg]"} <= set(widths)
    assert "θ [deg]" not in widths
    assert {"pull of energy", "pull width of w"} <= set(pulls)


def test_one_energy_can_be_learned_by_heart():
    def lines(name):
        return remarks(SetNumbers(name, name, 10, (), ()))

    assert lines("showers") == lines("points-dead") == []
    assert "its energy is no measurement here" in lines("points-52.8-dead")[0]
