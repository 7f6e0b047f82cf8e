"""`xec plot --line`: spectra, tables and errors, from files as `xec predict` writes them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.calibration.events import load_line_events
from xec_analysis.calibration.measurement import LineRequest, measure_lines
from xec_analysis.calibration.settings import LineSettings, Patches
from xec_analysis.fitting.tailed_gaussian import draw_samples
from xec_geometry import uvw_to_xyz
from xec_geometry.cli.application import main

LINE = 0.0549
SIGMAS = {"pred_energy": 0.017, "pred_energy_raw": 0.024, "energyReco": 0.028}


def line_columns(n, line=LINE, seed=0):
    """Predictions of a network, one variant and the conventional energy, of a line; σ in units of it."""
    rng = np.random.default_rng(seed)
    uvw = np.column_stack([rng.uniform(-23, 23, n), rng.uniform(-67, 67, n), rng.uniform(0.1, 30, n)])
    columns = {
        "run": rng.integers(400_000, 400_004, n),
        "event": np.arange(n),
        **{f"pred_{name}": values for name, values in zip("uvw", uvw.T, strict=True)},
        "uvwRecoFI": uvw + rng.normal(0, 0.3, uvw.shape),
    }
    for name, sigma in SIGMAS.items():
        columns[name] = line * draw_samples(rng, n, 1.0, sigma, 1.0, (0.5, 1.3))
    return columns


@pytest.fixture(scope="module")
def line_file(tmp_path_factory, write_tree):
    columns = line_columns(2400)
    columns["energyReco"][:12] = 1e10
    return write_tree(tmp_path_factory.mktemp("lines") / "cex.root", columns)


@pytest.fixture
def small_settings(tmp_path):
    path = tmp_path / "lines.yaml"
    path.write_text("patches: {u: [-23.9, 0, 23.9], v: [-67.9, 67.9]}\ndepths: [0, 38]\n")
    return path


SMALL = LineSettings(patches=Patches(u=(-23.9, 0, 23.9), v=(-67.9, 67.9)), depths=(0, 10, 38))


def test_every_region_and_estimate_gives_the_truth(line_file):
    (line,) = measure_lines([LineRequest(LINE, (line_file,))], SMALL)
    assert [region.kind for region in line.fits] == ["all", "patch", "patch", "depth", "depth"]
    assert list(line.whole) == ["network", "raw", "conventional"]
    for fits in line.fits.values():
        for fit, sigma in zip(fits.values(), SIGMAS.values(), strict=True):
            number = fit.relative_sigma
            assert number.value == pytest.approx(sigma, abs=4 * number.error)
            assert fit.peak.value == pytest.approx(LINE, abs=4 * fit.peak.error)
    # The same events, whoever estimates.
    assert len(line.events) == 2388
    assert line.events.notes[0].startswith("12 of 2400 events left out: without an energy of conventional")
    patches = [sum(line.fits[region]["network"].n_events for region in line.regions("patch"))]
    assert patches == [line.whole["network"].n_events]


def test_columns_of_the_first_variant_are_shown_once(tmp_path, write_tree):
    columns = line_columns(300)
    columns["pred_energy_average"] = columns["pred_energy"] * 1.01
    columns["pred_energy_raw"] = columns["pred_energy"]
    path = write_tree(tmp_path / "two.root", columns)
    (line,) = measure_lines([LineRequest(LINE, (path,))], SMALL)
    assert list(line.whole) == ["raw", "average", "conventional"]


def test_a_poor_fit_names_other_shapes(tmp_path, small_settings, write_tree, written_texts, capsys):
    """A narrow core and a tail apart from it, which no exponential that begins at the core describes."""
    random, n = np.random.default_rng(2), 1500
    energies = np.where(random.random(n) < 0.75, random.normal(1, 0.004, n), random.uniform(0.8, 1, n))
    path = write_tree(tmp_path / "narrow.root", {**line_columns(n), "pred_energy": LINE * energies})
    arguments = ["plot", "--line", "54.9MeV", str(path), "--line-settings", str(small_settings)]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "-o", str(tmp_path / "plots"), "-f", "png"])
    assert end.value.code in (0, None)
    said = " ".join(capsys.readouterr().out.split())
    assert "the events do not have the shape tailed_gaussian" in said
    assert "leaking_gaussian" in said
    assert any("open: poor fits" in text for texts in written_texts for text in texts)


def test_the_command_on_one_line(line_file, small_settings, tmp_path, capsys):
    settings = ["--line-settings", str(small_settings)]
    with pytest.raises(SystemExit) as end:
        main(
            [
                "plot",
                "--line",
                "54.9MeV",
                str(line_file),
                "-o",
                str(tmp_path / "plots"),
                "-f",
                "png",
                *settings,
            ]
        )
    assert end.value.code in (0, None)
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "line_54.9MeV_cex.png",
        "line_54.9MeV_depths_cex.png",
        "line_54.9MeV_patches_cex.png",
        "lines_cex.csv",
        "lines_cex.json",
    ]
    out = capsys.readouterr().out
    assert "conventional" in out
    assert "…" not in out
    with (tmp_path / "plots" / "lines_cex.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == (1 + 2 + 1) * 3
    assert float(rows[0]["peak_mev"]) == pytest.approx(54.9, rel=0.01)
    assert float(rows[0]["sigma_over_e_percent_error"]) > 0
    document = json.loads((tmp_path / "plots" / "lines_cex.json").read_text())
    assert document["lines"][0]["settings"]["model"] == "tailed_gaussian"
    assert document["resolution"] == {}


def test_several_lines_give_the_resolution_against_the_energy(
    line_file, small_settings, tmp_path, write_tree, written_texts
):
    other = write_tree(tmp_path / "li.root", line_columns(1500, 0.0176, seed=3))
    arguments = ["plot", "--line", "0.0176", str(other), "--line", "54.9MeV", str(line_file)]
    arguments += ["--line-settings", str(small_settings)]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "-o", str(tmp_path / "plots"), "-f", "png"])
    assert end.value.code in (0, None)
    assert (tmp_path / "plots" / "line_resolution_li.png").exists()
    assert any("a ⊕ b/√E" in text for text in written_texts[-1])
    document = json.loads((tmp_path / "plots" / "lines_li.json").read_text())
    assert set(document["resolution"]) == {"network", "raw", "conventional"}
    assert document["resolution"]["network"]["a"]["unit"] == "%"


def test_a_failed_fit_is_shown_as_failed_and_has_no_number(
    tmp_path, small_settings, write_tree, written_texts, capsys
):
    columns = line_columns(600)
    columns["energyReco"] = np.random.default_rng(1).uniform(0.04, 0.07, 600)
    path = write_tree(tmp_path / "bad.root", columns)
    with pytest.raises(SystemExit) as end:
        arguments = ["plot", "--line", "54.9MeV", str(path), "--line-settings", str(small_settings)]
        main([*arguments, "-o", str(tmp_path / "plots"), "-f", "png"])
    assert end.value.code in (0, None)
    # The columns of a terminal may be narrow.
    out = " ".join(capsys.readouterr().out.split())
    assert "failed: " in out
    with (tmp_path / "plots" / "lines_bad.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["estimate"] == "conventional")
    assert row["status"].startswith("failed: ")
    assert not any(row[name] for name in row if "peak" in name or "sigma" in name or name in ("chi2", "ndf"))
    overview = written_texts[0]
    assert any(text.startswith("conventional\nfit failed: ") for text in overview)
    assert "failed" in written_texts[1]
    cells = json.loads((tmp_path / "plots" / "lines_bad.json").read_text())["lines"][0]["fits"]
    assert next(cell for cell in cells if cell["estimate"] == "conventional")["peak_mev"] is None


def test_positions_of_every_kind(tmp_path, write_tree):
    columns = line_columns(300)
    uvw = columns.pop("uvwRecoFI")
    columns["xyzRecoFI"] = uvw_to_xyz(uvw)
    columns["xyzRecoFI"][3] = 1e10
    path = write_tree(tmp_path / "x.root", columns)
    events = load_line_events([path], LINE, LineSettings(position="conventional"))
    np.testing.assert_allclose(events.uvw, np.delete(uvw, 3, axis=0), atol=1e-6)
    assert "1 of 300 events left out: without a position (conventional)" in events.notes
    with pytest.raises(AnalysisError, match="no position of the kind 'truth'; it has those of network, conv"):
        load_line_events([path], LINE, LineSettings(position="truth"))
    for name in ("pred_u", "xyzRecoFI"):
        del columns[name]
    path = write_tree(tmp_path / "nowhere.root", columns)
    (line,) = measure_lines([LineRequest(LINE, (path,))], LineSettings())
    assert [region.kind for region in line.fits] == ["all"]
    assert line.events.uvw is None
    assert "no position in nowhere.root: no patches and depths" in line.events.notes


def test_cuts_and_several_files(tmp_path, write_tree):
    columns = line_columns(500)
    first = write_tree(tmp_path / "1.root", columns)
    second = write_tree(tmp_path / "2.root", {**line_columns(400, seed=2), "more": np.zeros(400)})
    cuts = {"run": (400_001, 400_002), "uvwRecoFI[2]": (None, 10.0)}
    events = load_line_events([first, second], LINE, LineSettings(cuts=cuts))
    whole = load_line_events([first, second], LINE, LineSettings())
    assert (len(whole), whole.name) == (900, "1")
    assert "not in all files, left out: more" in whole.notes
    assert 0 < len(events) < len(whole) / 3
    assert any(note.endswith("of 900 events cut by run, uvwRecoFI[2]") for note in events.notes)
    for cut, complaint in (
        ("runn", r"cuts: no column 'runn' \(did you mean 'run'\?\)"),
        ("uvwRecoFI", r"cuts: found 'uvwRecoFI', expected uvwRecoFI\[0\] to uvwRecoFI\[2\]"),
        ("uvwRecoFI[3]", r"found 'uvwRecoFI\[3\]', expected uvwRecoFI\[0\] to uvwRecoFI\[2\]"),
    ):
        with pytest.raises(AnalysisError, match=complaint):
            load_line_events([first], LINE, LineSettings(cuts={cut: (0, 1)}))
    with pytest.raises(AnalysisError, match="none of 500 events is left"):
        load_line_events([first], LINE, LineSettings(cuts={"run": (1, 2)}))


def test_a_file_with_variants_only(tmp_path, write_tree):
    columns = line_columns(300)
    for name in ("energy", "u", "v", "w"):
        columns[f"pred_{name}_average"] = columns.pop(f"pred_{name}")
    events = load_line_events([write_tree(tmp_path / "x.root", columns)], LINE, LineSettings())
    assert list(events.energies) == ["raw", "average", "conventional"]
    assert events.position == "network"
    np.testing.assert_allclose(events.uvw[:, 0], columns["pred_u_average"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["FILE", "--line", "55"], "as in 0.0549 or 54.9MeV"),
        (["FILE", "--line-settings", "x.yaml"], "expected --line ENERGY with it"),
        (["FILE", "--line", "0.0549", "--task", "energy"], "expected no --task"),
        (["FILE", "--line", "0.0549", "--line-settings", "nowhere.yaml"], "nowhere.yaml"),
        (["EMPTY", "--line", "0.0549"], "no column pred_energy; expected predictions of a network"),
    ],
)
def test_errors_are_one_line_and_nothing_is_made(
    line_file, tmp_path, write_tree, capsys, arguments, complaint
):
    empty = write_tree(tmp_path / "empty.root", {"energyReco": np.ones(3)})
    names = {"FILE": str(line_file), "EMPTY": str(empty)}
    target = tmp_path / "plots"
    with pytest.raises(SystemExit) as end:
        main(["plot", *(names.get(text, text) for text in arguments), "-o", str(target)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("xec: error: ")
    assert error.count("\n") == 1
    assert complaint in error
    assert not target.exists()
