"""The YAML file of lines: defaults, lines of their own, and all its problems at once."""

from __future__ import annotations

import pytest

from xec_analysis import AnalysisError
from xec_analysis.calibration.requests import pair_lines, parse_line_energy
from xec_analysis.calibration.settings import LineSettings, read_line_settings
from xec_geometry.errors import XecError

WHOLE = """
model: tailed_gaussian_flat
method: binned
range: [0.7, 1.2]
position: conventional
patches:
  u: [-20, 0, 20]
  v: [-60, 60]
depths: [0, 5, 30]
cuts:
  pred_timing: [-1e-9, 1e-9]
  run: [400000, null]
fewest: 80
lines:
  - energy: 0.0176
    range: [0.6, 1.3]
    cuts:
      uvwRecoFI[2]: [1.0, null]
"""


def written(tmp_path, text):
    path = tmp_path / "lines.yaml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path):
    settings = read_line_settings(written(tmp_path, WHOLE))
    assert settings.patches.u == (-20, 0, 20)
    assert settings.cuts == {"pred_timing": (-1e-9, 1e-9), "run": (400000, None)}
    other, own = settings.of_line(0.0549), settings.of_line(0.01761)
    assert (other.range, own.range) == ((0.7, 1.2), (0.6, 1.3))
    assert own.model == "tailed_gaussian_flat"
    assert own.cuts == settings.cuts | {"uvwRecoFI[2]": (1.0, None)}
    assert other.cuts == settings.cuts


def test_an_empty_file_has_the_defaults(tmp_path):
    assert read_line_settings(written(tmp_path, "")) == LineSettings()


PROBLEMS = """
modle: gaussian
model: gausian
range: [1.1, 1.2]
patches: {u: [0], w: [1, 2]}
depths: [0, 5, 5]
cuts: {run: [5, 3], event: [null, null], w: 3}
fewest: 1
lines: [{range: [0.9, 1.1], model: voigt}]
"""


def test_all_problems_are_told_at_once(tmp_path):
    path = written(tmp_path, PROBLEMS)
    with pytest.raises(AnalysisError) as error:
        read_line_settings(path)
    first, *lines = str(error.value).split("\n  ")
    assert first == f"{path}: {len(lines)} problems"
    for expected in (
        "modle: unknown key (did you mean 'model'",
        "model: unknown line model 'gausian' (did you mean 'gaussian'",
        "range: found [1.1, 1.2], expected fractions of the line's energy such as [0.8, 1.15]",
        "patches.u: found [0.0], expected two or more numbers, each larger than the one before",
        "patches.w: unknown key; expected u, v",
        "depths: found [0.0, 5.0, 5.0], expected two or more numbers",
        "cuts.run: found [5, 3], expected [low, high]",
        "cuts.event: found [null, null], expected [low, high]",
        "cuts.w: found 3",
        "fewest: found 1",
        "lines.0.energy: missing",
        "lines.0.model: unknown line model 'voigt'",
    ):
        assert any(line.startswith(expected) for line in lines), (expected, lines)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- 1\n", "expected the keys model, method"),
        ("range: [0.8, 1.1\n", "not valid YAML"),
        ("fewest: 20\nfewest: 30\n", "'fewest' was already given"),
        ("lines: [{energy: 0.0549}, {energy: 0.05491}]\n", "the energy 0.0549 GeV twice"),
        ("depths: [0, .inf]\n", "depths.1: found inf"),
    ],
)
def test_one_problem_is_one_line(tmp_path, text, complaint):
    with pytest.raises(XecError) as error:
        read_line_settings(written(tmp_path, text))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(XecError, match=r"nothing\.yaml"):
        read_line_settings(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("text", "energy"),
    [
        ("0.0549", 0.0549),
        ("54.9MeV", 0.0549),
        ("54.9 mev", 0.0549),
        ("17600keV", 0.0176),
        ("5.5e-2GeV", 0.055),
    ],
)
def test_energies(text, energy):
    assert parse_line_energy(text) == pytest.approx(energy)


@pytest.mark.parametrize("text", ["55", "-0.05", "0", "54.9 cm", "MeV", "", "1e", "nan", "0.05:0.06"])
def test_what_is_no_energy_is_refused(text):
    with pytest.raises(AnalysisError, match=r"54\.9MeV") as error:
        parse_line_energy(text)
    assert "\n" not in str(error.value)


def test_lines_and_files(tmp_path):
    one, two = tmp_path / "1.root", tmp_path / "2.root"
    assert [(r.energy, r.files) for r in pair_lines([0.05], [one, two])] == [(0.05, (one, two))]
    assert [(r.energy, r.files) for r in pair_lines([0.05, 0.08], [one])] == [(0.05, (one,)), (0.08, (one,))]
    assert [r.files for r in pair_lines([0.05, 0.08], [one, two])] == [(one,), (two,)]
    with pytest.raises(AnalysisError, match="3 lines and 2 files; expected one file with all the lines"):
        pair_lines([0.01, 0.05, 0.08], [one, two])
    with pytest.raises(AnalysisError, match="an energy is there twice"):
        pair_lines([0.05, 0.05], [one])
