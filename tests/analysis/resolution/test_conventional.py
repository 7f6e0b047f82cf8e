"""Real data: predictions beside the conventional reconstruction, and predictions in several ways."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.plots.source import PlotSource
from xec_analysis.resolution.conventional import collect_comparison
from xec_analysis.resolution.results import CONVENTIONAL, RUN, TRUTH
from xec_analysis.resolution.variants import columns_of_variant, variants_of
from xec_geometry import uvw_to_xyz
from xec_geometry.cli.application import main
from xec_models.regressor.predictions import ABSOLUTE_TIME

OFFSET = -6e-7


@pytest.fixture
def real(make_columns):
    """Predictions of real data: the truth is gone, a conventional reconstruction stands beside them."""
    columns = make_columns(600, seed=5)
    rng = np.random.default_rng(2)
    uvw = columns["uvwTruth"] + rng.normal(0, 0.3, (600, 3))
    columns |= {
        "run": np.sort(rng.integers(432_100, 432_108, 600)),
        "energyReco": columns["energyTruth"] * rng.normal(1.01, 0.02, 600),
        "timeReco": columns["timeTruth"] + OFFSET + rng.normal(0, 1e-10, 600),
        "uvwRecoFI": uvw,
    }
    for name in ("uvwTruth", "energyTruth", "timeTruth", "emiVec", "n_gamma", "pred_n_gamma"):
        del columns[name]
    return columns


def test_every_task_with_a_conventional_value_is_compared(real):
    real["energyReco"][:3] = 1e10
    results = collect_comparison(real, "real", Path("real.root"))
    assert results.reference is CONVENTIONAL
    assert list(results.tasks) == ["energy", "timing", "uvwFI"]
    energy = results.tasks["energy"]
    assert (len(energy), energy.n_bad_truth) == (597, 3)
    np.testing.assert_allclose(energy.residual("energy"), (real["pred_energy"] - real["energyReco"])[3:])
    np.testing.assert_array_equal(energy.variables[RUN], real["run"][3:])
    np.testing.assert_allclose(energy.variables["w"], real["uvwRecoFI"][3:, 2])
    assert "no truth and no conventional reconstruction of angle in real.root: not plotted" in results.notes


def test_without_absolute_predictions_one_offset_is_fitted_and_told(real):
    timing = collect_comparison(real, "real", Path("real.root")).tasks["timing"]
    assert np.median(timing.residual("timing")) == pytest.approx(0.0, abs=1e-15)
    assert "an offset of −600 ns is fitted" in timing.remark
    np.testing.assert_allclose(timing.variables["timing"], timing.true("timing"))


def test_with_absolute_predictions_times_are_compared_as_they_are(real):
    shift = 2e-10
    real[ABSOLUTE_TIME] = real["pred_timing"] + OFFSET + shift
    timing = collect_comparison(real, "real", Path("real.root")).tasks["timing"]
    assert np.median(timing.residual("timing")) == pytest.approx(shift, abs=3e-11)
    np.testing.assert_allclose(timing.true("timing"), real["timeReco"])
    assert "offset" not in timing.remark


def test_a_position_as_x_y_z_is_as_good(real):
    uvw = real.pop("uvwRecoFI")
    real["xyzRecoFI"] = uvw_to_xyz(uvw)
    real["xyzRecoFI"][7] = 1e10
    position = collect_comparison(real, "real", Path("real.root"), ["uvwFI"]).tasks["uvwFI"]
    np.testing.assert_allclose(position.truth, np.delete(uvw, 7, axis=0), atol=1e-6)
    assert position.n_bad_truth == 1


@pytest.mark.parametrize(
    ("change", "tasks", "complaint"),
    [
        (
            {},
            ["angle"],
            "neither truth nor conventional reconstruction of the task 'angle'; it has one of ene",
        ),
        ({}, ["n_gamma"], "no predictions of the task 'n_gamma'"),
        (
            {"energyReco": np.full(600, 52.8)},
            None,
            "the conventional reconstruction of energy: energy is outsi",
        ),
        (
            {"energyReco": np.full(600, 1e10)},
            ["energy"],
            "not one event with a finite prediction and conventi",
        ),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(real, change, tasks, complaint):
    with pytest.raises(AnalysisError, match=complaint) as error:
        collect_comparison(real | change, "real", Path("real.root"), tasks)
    assert "\n" not in str(error.value)


def test_the_truth_goes_before_the_conventional_reconstruction(tmp_path, real, make_columns, write_tree):
    both = make_columns(600, seed=5) | real
    assert PlotSource(write_tree(tmp_path / "mc.root", both)).results[0].reference is TRUTH
    assert PlotSource(write_tree(tmp_path / "real.root", real)).results[0].reference is CONVENTIONAL


def test_the_command_compares(tmp_path, real, write_tree, written_texts, capsys):
    path = write_tree(tmp_path / "real.root", real)
    with pytest.raises(SystemExit) as end:
        main(["plot", str(path), "-f", "png"])
    assert end.value.code in (0, None)
    names = {f"comparison_{what}_real.png" for what in ("energy", "spectra", "timing", "uvwFI")}
    drawn = {file.name for file in (tmp_path / "plots").iterdir()}
    assert names <= drawn
    drawn -= {"metrics_real.csv", "metrics_real.json"}
    assert all(re.fullmatch(r"comparison_\w+?_real(_\d)?\.png", name) for name in drawn)
    out = " ".join(capsys.readouterr().out.split())
    assert "prediction − conventional reconstruction" in out
    assert "an offset of −600 ns is fitted" in out
    energy, timing, position = written_texts[0], written_texts[3], written_texts[5] + written_texts[7]
    spectra = written_texts[-2] + written_texts[-1]
    assert r"(predicted $-$ conv.)/conv. $E_\gamma$ [%]" in energy
    assert any(text.startswith("correlation 0.9") for text in energy)
    assert any("an offset of −600 ns is fitted" in text for text in timing)
    assert {"conv. $w$ [cm]", "predicted $-$ conv. $u$ [mm]"} <= set(position)
    assert spectra.count("run number") == 5
    assert not any("true" in text for texts in written_texts for text in texts)


def test_files_of_several_runs_are_one(tmp_path, real, write_tree):
    first = write_tree(tmp_path / "1.root", real)
    second = write_tree(tmp_path / "2.root", real | {"run": real["run"] + 100, "more": np.zeros(600)})
    source = PlotSource([first, second])
    energy = source.results[0].tasks["energy"]
    assert len(energy) == 1200
    assert (energy.variables[RUN].min(), energy.variables[RUN].max()) == (432_100, 432_207)
    assert source.loaded.notes == ("not in all files, left out: more",)
    other = write_tree(tmp_path / "3.root", real | {"uvwRecoFI": np.zeros((600, 2))})
    with pytest.raises(AnalysisError, match=r"3\.root: column 'uvwRecoFI' has entries of shape \(2,\)"):
        _ = PlotSource([first, other]).loaded
    (tmp_path / "config.yaml").write_text("tasks: {}\n")
    with pytest.raises(AnalysisError, match=r"2 runs or files, among them .*expected one, or several files"):
        PlotSource([first, tmp_path])


def test_variants():
    columns = {
        "pred_energy_raw": np.zeros(2),
        "pred_energy_solid_angle": np.ones(2),
        "sigma_energy_raw": np.full(2, 3.0),
        "pred_u_raw": np.zeros(2),
        "pred_timing_absolute": np.zeros(2),
        "run": np.zeros(2),
    }
    assert variants_of(columns) == ["raw", "solid_angle"]
    plain = {"pred_timing": np.zeros(2)}
    assert variants_of(columns | plain) == ["", "raw", "solid_angle"]
    of_raw = columns_of_variant(columns, "raw")
    assert sorted(of_raw) == ["pred_energy", "pred_u", "run", "sigma_energy"]
    assert of_raw["sigma_energy"].tolist() == [3.0, 3.0]
    assert sorted(columns_of_variant(columns | plain, "")) == ["pred_timing", "pred_timing_absolute", "run"]


def test_every_variant_is_plotted(tmp_path, real, write_tree):
    several = {name: values for name, values in real.items() if not name.startswith("pred_")}
    for variant in ("raw", "average"):
        several[f"pred_energy_{variant}"] = real["pred_energy"] * (1.0 if variant == "raw" else 1.1)
    source = PlotSource(write_tree(tmp_path / "real.root", several))
    assert [results.name for results in source.results] == ["real_raw", "real_average"]
    biases = [results.tasks["energy"].residual("energy").mean() for results in source.results]
    assert biases[1] - biases[0] == pytest.approx(0.1 * real["pred_energy"].mean())
