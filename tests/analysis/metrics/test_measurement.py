"""All numbers of results: the same as in the table, whole, in bins, and in files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from xec_analysis import AnalysisError, BinRequest, collect_results, measure, metric_rows, read_metrics_file
from xec_analysis.metrics.binning import parse_bins
from xec_analysis.metrics.content import Value
from xec_analysis.metrics.files import write_metrics
from xec_analysis.resolution.confusion import count_classes
from xec_analysis.resolution.profiles import profile
from xec_data.tasks.measures import opening_angle
from xec_geometry.cli.application import main


def measured(columns, bins=()):
    return measure({"network": collect_results(columns, "x", Path("x"))}, "x", columns, bins)


@pytest.fixture(scope="module")
def columns(make_columns):
    columns = make_columns(1500)
    columns["sigma_u"] = np.full(1500, 0.5)
    return columns


@pytest.fixture(scope="module")
def metrics(columns):
    return measured(columns)


def test_numbers_are_those_of_the_table(columns, metrics):
    results = collect_results(columns, "x", Path("x"))
    rows = {(row.task, row.output): row for row in metric_rows(results, metrics.of_estimate("network"))}
    row, series = rows["uvwFI", "u"], metrics.find("uvwFI", "u")
    assert series.unit == row.unit == "mm"
    names = {"half_width_68": "res_68", "mean": "bias", "std": "rms", "skewness": "skewness"}
    for name, field in names.items():
        number = getattr(row, field)
        assert series.value(name) == Value(value=number.value, error=number.error)
    assert series.core.sigma == Value(value=row.core.value, error=row.core.error)
    accuracy = metrics.find("n_gamma", "n_gamma", "class").value("accuracy")
    expected = count_classes(results.tasks["n_gamma"]).accuracy
    assert accuracy.value == pytest.approx(100 * expected.value)
    assert accuracy.error == pytest.approx(100 * expected.error)
    assert rows["n_gamma", "right class"].res_68.value == accuracy.value
    # The same without bins.
    assert metric_rows(results) == list(rows.values())


def test_bins_are_those_of_the_panels(columns, metrics):
    result = collect_results(columns, "x", Path("x")).tasks["uvwFI"]
    points = profile(result.variables["w"], 10 * result.residual("u"))
    binning = next(b for b in metrics.find("uvwFI", "u").binnings if b.variable == "w")
    assert binning.unit == "cm"
    assert [one.events for one in binning.bins] == points.count.tolist()
    for name, expected in (("mean", points.bias), ("half_width_68", points.width)):
        np.testing.assert_allclose([one.values[name].value for one in binning.bins], expected)
    errors = [one.values["mean"].error for one in binning.bins]
    np.testing.assert_allclose(errors, points.bias_error, rtol=0.3)


def test_the_opening_angle(columns, metrics):
    series = metrics.find("angleVec", "opening", "joint")
    names = ("vx", "vy", "vz")
    angle = opening_angle(np.column_stack([columns[f"pred_{n}"] for n in names]), columns["emiVec"])
    assert series.unit == "deg"
    assert series.value("containment_68").value == pytest.approx(np.percentile(angle, 68))
    assert series.value("containment_95").value == pytest.approx(np.percentile(angle, 95))
    assert series.value("mean").value == pytest.approx(angle.mean())


def test_pulls_of_predicted_sigmas(metrics):
    # The residuals are half as wide as predicted.
    width = metrics.find("uvwFI", "u", "pull").value("width")
    assert width.value == pytest.approx(0.5, abs=4 * width.error)
    assert metrics.find("uvwFI", "v", "pull") is None


def test_edges_and_empty_bins(columns):
    columns = {**columns, "temperature": np.linspace(0, 10, 1500)}
    series = measured(columns, [BinRequest("temperature", (0, 5, 10.5, 20))]).find("energy", "energy")
    (binning,) = series.binnings
    assert [one.events for one in binning.bins] == [750, 750, 0]
    assert binning.outside == 0
    assert binning.bins[2].centre is None
    assert all(value.value is None and value.error is None for value in binning.bins[2].values.values())


def test_the_core_in_bins(make_columns, tmp_path):
    columns = make_columns(5000)
    depth = columns["uvwTruth"][:, 2]
    rng = np.random.default_rng(4)
    columns["pred_u"] = columns["uvwTruth"][:, 0] + rng.normal(0, np.where(depth < 3, 0.2, 0.5))
    metrics = measured(columns, [BinRequest("w", (0, 3, 12, 16, 100))])
    (binning,) = metrics.find("uvwFI", "u").binnings
    for one, sigma in zip(binning.bins, (2.0, 5.0), strict=False):
        assert one.core.status == "good"
        assert one.core.model == "two_tailed_gaussian"
        assert one.core.sigma.value == pytest.approx(sigma, abs=4 * one.core.sigma.error)
        assert one.core.sigma.error == pytest.approx(sigma / np.sqrt(2 * one.events), rel=0.5)
    few = binning.bins[2]
    assert 20 < few.events < 200
    assert few.core.status == f"failed: {few.events} events in the range, fewer than 200"
    assert few.core.sigma.value is None
    assert metrics.find("uvwFI", "distance", "joint").binnings[0].bins[0].core is None
    with write_metrics(metrics, tmp_path / "metrics")[1].open() as file:
        rows = [r for r in csv.DictReader(file) if r["measure"] == "core_sigma" and r["quantity"] == "u"]
    assert [r["status"].partition(":")[0] for r in rows[1:]] == ["good", "good", "failed", "failed"]
    assert rows[3]["value"] == ""


@pytest.mark.parametrize("text", ["", "=1,2", "w=", "w=1", "w=2,1", "w=a,b", "w=nan,2"])
def test_bins_that_make_no_sense(text):
    with pytest.raises(AnalysisError, match="--bins"):
        parse_bins(text)


def test_a_variable_that_is_not_there(columns):
    with pytest.raises(AnalysisError, match=r"no such variable or column.*expected one of"):
        measured(columns, [BinRequest("wavelength")])
    with pytest.raises(AnalysisError, match=r"as uvwTruth\[0\]"):
        measured(columns, [BinRequest("uvwTruth")])
    assert parse_bins("uvwTruth[2]=0,1") == BinRequest("uvwTruth[2]", (0.0, 1.0))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_hardly_any_events_are_shown_honestly(make_columns, n, tmp_path):
    metrics = measured(make_columns(n))
    series = metrics.find("uvwFI", "u")
    assert series.value("mean").value is not None
    assert (series.value("std").value is None) == (n < 2)
    assert (series.value("skewness").value is None) == (n < 3)
    assert series.core.status.startswith("failed")
    assert series.core.sigma.value is None
    json_path, _ = write_metrics(metrics, tmp_path / "metrics")
    assert "NaN" not in json_path.read_text()


def test_predictions_that_are_no_numbers_are_counted(make_columns):
    columns = make_columns(100)
    columns["pred_energy"][:7] = np.nan
    columns["pred_u"][:] = columns["uvwTruth"][:, 0]
    metrics = measured(columns)
    assert (metrics.find("energy", "energy").events, metrics.find("energy", "energy").left_out) == (93, 7)
    equal = metrics.find("uvwFI", "u")
    assert equal.value("std").value == 0.0
    assert equal.value("skewness").value is None
    assert equal.core.status == "failed: all residuals are the same"


def test_files_hold_the_same(metrics, tmp_path):
    json_path, csv_path = write_metrics(metrics, tmp_path / "metrics")
    assert read_metrics_file(json_path) == metrics
    with csv_path.open() as file:
        rows = list(csv.DictReader(file))
    (row,) = (
        r
        for r in rows
        if (r["task"], r["quantity"], r["kind"], r["variable"], r["measure"])
        == ("timing", "timing", "residual", "", "std")
    )
    assert float(row["value"]) == metrics.find("timing", "timing").value("std").value
    assert row["unit"] == "ps"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not the metrics"),
        ('{"name": "x"}', "reference: Field required"),
        (json.dumps({"format": 99, "name": "", "reference": "", "method": {}, "versions": {}, "series": []}),
         "format 99, expected at most 1"),
    ],
)  # fmt: skip
def test_other_files_are_told(tmp_path, text, complaint):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=complaint):
        read_metrics_file(path)


def test_the_command_writes_them_beside_a_conventional_reconstruction(
    make_columns, write_tree, tmp_path, capsys
):
    columns = make_columns(60)
    wanted = {n: columns[n] for n in ("run", "event", "energyTruth", "uvwTruth", "pred_energy")}
    wanted["energyReco"] = (columns["energyTruth"] * 1.02).astype(np.float32)
    path = write_tree(tmp_path / "p.root", wanted)
    with pytest.raises(SystemExit) as end:
        main(["plot", str(path), "-o", str(tmp_path / "out"), "--bins", "w=0,2,40"])
    assert not end.value.code
    assert "metrics_p.json" in capsys.readouterr().out.replace("\n", "")
    metrics = read_metrics_file(tmp_path / "out" / "metrics_p.json")
    relative = metrics.find("energy", "energy", "relative", "conventional")
    assert relative.value("median").value == pytest.approx(2.0, abs=1e-3)
    assert metrics.find("energy", "energy").binnings[0].bins[0].high == 2.0
