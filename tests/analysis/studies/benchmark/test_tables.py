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
from xec_analysis.studies.benchmark.tables import missing_estimates, remarks, set_tables
from xec_analysis.studies.benchmark.truth import SetTruth


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


def test_only_methods_with_all_events_and_a_clear_lead_are_strong(numbers: SetNumbers) -> None:
    def strong(measured: SetNumbers) -> set[str]:
        table, *_ = set_tables(measured)
        return {row[0] for row in table.rows if any(text.startswith("**") for text in row)}

    # One method has no time for some events: nothing to compare with.
    assert strong(numbers) == {"θ", "φ", "opening angle", "energy", "u", "v", "w", "distance"}
    assert set(numbers.best.values()) == {"network"}
    assert strong(replace(numbers, best={})) == set()


def test_a_method_that_is_hardly_better_is_not_strong(
    make_truth: Callable[..., SetTruth], gaussian_estimates: Callable[..., Estimates]
) -> None:
    truth = make_truth(2000)
    methods = [
        replace(gaussian_estimates(truth, factor=factor, seed=seed), method=name)
        for name, factor, seed in (("one", 1.0, 0), ("other", 1.001, 1))
    ]
    assert measure_set(truth, methods[:1]).best == {}
    # By chance one of eight quantities or so, but not most.
    assert len(measure_set(truth, methods).best) <= 2


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
