"""Numbers in units that suit them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis import collect_results, metric_rows, metrics_table
from xec_analysis.resolution.digits import error_in_brackets, three_digits
from xec_analysis.resolution.statistics import Number
from xec_analysis.resolution.table import census
from xec_analysis.style.quantities import quantity, quantity_of
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_models.regressor.metrics import task_metrics


def text_of(table, width=100):
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "width", "unit", "number"),
    [
        ("u", 0.25, "mm", 2.5),
        ("w", 1.7, "cm", 1.7),
        ("timing", 65e-12, "ps", 65.0),
        ("timing", 2.5e-9, "ns", 2.5),
        ("energy", 9e-4, "MeV", 0.9),
        ("theta", 0.1, "deg", 0.1),
    ],
)
def test_residuals_get_the_unit_in_which_they_read_well(name, width, unit, number):
    chosen = quantity(name).residual_unit(width)
    assert chosen.name == unit
    assert width * chosen.factor == pytest.approx(number)


def test_every_output_of_every_task_has_a_symbol():
    for output in (output for spec in TASKS.values() for output in spec.outputs):
        assert quantity(output.name).symbol.startswith("$")


def test_an_unknown_unit_is_shown_as_it_is():
    written = quantity_of(Output("charge", "pC"))
    assert (written.label, written.residual_unit(1e-3).name) == ("charge [pC]", "pC")


def test_tiny_and_huge_widths_get_a_power_of_ten():
    written = quantity_of(Output("charge", "pC"))
    tiny, huge = written.residual_unit(2e-8), written.residual_unit(3e7)
    assert (tiny.name, huge.name) == ("10⁻⁹ pC", "10⁶ pC")
    assert (2e-8 * tiny.factor, 3e7 * huge.factor) == (pytest.approx(20.0), pytest.approx(30.0))


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (2.789, {}, "2.79"),
        (0.0123, {}, "0.0123"),
        (1234.5, {}, "1234"),
        (-0.5, {}, "−0.500"),
        (0.04, {"signed": True, "like": 2.5}, "+0.04"),
        (np.nan, {}, ""),
        (0.0, {}, "0.00"),
    ],
)
def test_three_digits(value, options, text):
    assert three_digits(value, **options) == text


def test_rows_agree_with_the_metrics_of_the_models(make_columns, widths):
    columns = make_columns(4000)
    results = collect_results(columns, "x", Path("x"))
    rows = {(row.task, row.output): row for row in metric_rows(results)}
    position = results.tasks["uvwFI"]
    metrics = task_metrics("uvwFI", position.prediction, position.truth)
    row = rows["uvwFI", "u"]
    assert row.unit == "mm"
    assert row.res_68.value == pytest.approx(10 * metrics["uvw_u_res_68pct"])
    assert row.bias.value == pytest.approx(10 * metrics["uvw_u_bias"])
    assert row.core.value == pytest.approx(10 * widths["u"], abs=4 * row.core.error)
    assert row.core.error == pytest.approx(10 * widths["u"] / np.sqrt(8000), rel=0.5)
    assert rows["uvwFI", "distance"].res_68.value == pytest.approx(10 * metrics["uvw_dist_68pct"])
    # Gaussian residuals of known width: 0.9945 σ, with the error of 4000 events.
    assert rows["timing", "time"].res_68.value == pytest.approx(0.9945e12 * widths["timing"], rel=0.06)
    assert rows["timing", "time"].unit == "ps"
    relative = (columns["pred_energy"] - columns["energyTruth"]) / columns["energyTruth"]
    low, high = np.percentile(relative, [16, 84])
    assert rows["energy", "relative"].res_68.value == pytest.approx(50 * (high - low))
    assert rows["n_gamma", "right class"].res_68.value == pytest.approx(
        100 * np.mean(columns["pred_n_gamma"] == columns["n_gamma"])
    )


@pytest.mark.parametrize("n", [1, 60, 500, 20_000])
def test_the_table_fits_a_terminal(make_columns, n):
    table = metrics_table(collect_results(make_columns(n), "x", Path("x")))
    text = text_of(table)
    assert f"events: {n}" in text
    assert all(spec in text for spec in TASKS)
    assert max(map(len, text.rstrip().splitlines())) <= 100
    # Nothing is on a second line, and nothing is cut in a narrower terminal either.
    assert len(text.splitlines()) == len(text_of(table, 200).splitlines())
    assert "…" not in text + text_of(table, 80)
    assert ("no fit" in text) == (n < 50)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.4807, 0.00701, "2.4807(70)"),
        (83.8, 2.41, "83.8(2.4)"),
        (71.2, 12.3, "71(12)"),
        (-0.0512, 0.1049, "−0.05(10)"),
        (0.5, None, "0.500"),
    ],
)
def test_errors_of_the_last_digits(value, error, text):
    assert error_in_brackets(Number(value, error)) == text


def test_what_was_left_out_is_said(make_columns):
    columns = make_columns(50)
    columns["pred_energy"][:4] = np.nan
    columns["timeTruth"][7] = np.nan
    lines = census(collect_results(columns, "x", Path("x")))
    assert lines == [
        "energy: 4 without a finite prediction of 50 events left out",
        "timing: 1 without a valid truth of 50 events left out",
    ]
