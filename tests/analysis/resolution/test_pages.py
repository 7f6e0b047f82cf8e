"""Resolution profiles: a file for every task, whatever the sample is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xec_analysis import AnalysisError, collect_results, draw_page, draw_pages
from xec_analysis.resolution.pages import PAGES, default_sheets, sheets_of
from xec_analysis.resolution.results import PHOTONS
from xec_analysis.style.figures import style
from xec_data.tasks.measures import JointMeasure, distance
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task, Truth
from xec_geometry.cli.application import main


def test_every_task_has_a_title_and_panels():
    for task in TASKS.values():
        assert task.title
        sheets = PAGES[task.name].sheets(task) if task.name in PAGES else default_sheets(task)
        panels = [panel for sheet in sheets for row in sheet.rows for panel in row]
        shown = {panel.output for panel in panels if hasattr(panel, "output")}
        assert shown == set(task.output_names)


@pytest.fixture
def made_up_tasks():
    """A task with one output and one with two, of units that nothing here knows."""
    dose = Task("dose", "a dose", (Output("dose", "µSv", "$D$"),), Truth(("energyTruth",), dose_of), "l1")
    pair = Task(
        "pair",
        "charge and slope",
        (Output("charge", "pC", "$Q$", residual="ratio"), Output("slope", "V/ns")),
        Truth(("energyTruth", "timeTruth")),
        "l1",
        joint=JointMeasure("spread", "spread_68pct", "a.u.", "spread", distance),
    )
    for task in (dose, pair):
        TASKS.register(task)
    yield [dose, pair]
    for task in (dose, pair):
        TASKS.unregister(task.name)


def dose_of(arrays):
    return 1e3 * np.asarray(arrays["energyTruth"])[:, np.newaxis]


def test_a_task_of_another_package_has_a_page(tmp_path, make_columns, made_up_tasks, written_texts):
    columns = make_columns(400)
    rng = np.random.default_rng(3)
    columns["pred_dose"] = 1e3 * columns["energyTruth"] + rng.normal(0, 2, 400)
    columns["pred_charge"] = columns["energyTruth"] * rng.normal(1, 0.05, 400)
    columns["pred_slope"] = columns["timeTruth"] + rng.normal(0, 1e-10, 400)
    names = [task.name for task in made_up_tasks]
    results = collect_results(columns, "x", Path("x.root"), names)
    paths = draw_pages(results, tmp_path)
    assert [path.name for path in paths] == [f"resolution_profile_{name}_x.pdf" for name in names]
    dose, pair = (
        {text for sheet in part for text in sheet} for part in (written_texts[:2], written_texts[2:])
    )
    assert {"true $D$ [µSv]", "true $u$ [cm]", r"true $E_\gamma$ [MeV]", "dose: x"} <= set(dose)
    assert {"true $Q$ [pC]", "true slope [V/ns]", "spread [a.u.]"} <= set(pair)
    assert r"(predicted $-$ true)/true $Q$ [%]" in pair


SAMPLES = {
    "many": (800, (0.015, 0.060), list(TASKS)),
    "one energy": (400, (0.0528, 0.0528), ["energy"]),
    "three events": (3, (0.015, 0.060), list(TASKS)),
    "one event": (1, (0.015, 0.060), ["angle", "energy", "n_gamma"]),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_page_for_every_task(tmp_path, make_columns, sample):
    n, energy, tasks = SAMPLES[sample]
    results = collect_results(make_columns(n, energy=energy), "sample", Path("sample.root"), tasks)
    paths = draw_pages(results, tmp_path)
    assert [path.name for path in paths] == [f"resolution_profile_{task}_sample.pdf" for task in tasks]
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_pages_of_events_with_gaps(tmp_path, make_columns):
    columns = make_columns(60)
    columns["pred_energy"][:10] = np.nan
    columns["uvwTruth"][20] = 1e10
    columns["energyTruth"][30:] = np.nan
    results = collect_results(columns, "gaps", Path("gaps.root"), ["energy", "timing"])
    assert [len(result) for result in results.tasks.values()] == [20, 60]
    assert len(draw_pages(results, tmp_path)) == 2


def test_numbers_on_the_page(tmp_path, make_columns, written_texts):
    columns = make_columns(300)
    columns["pred_energy"][:7] = np.nan
    draw_page(collect_results(columns, "x", Path("x")).tasks["energy"], "x", tmp_path / "x.png")
    texts = written_texts[0]
    assert "293 of 300 events; 7 left out: prediction not finite" in texts
    assert any(text.startswith("core σ:") and "68 %:" in text and "±" in text for text in texts)
    assert r"true $E_\gamma$ [MeV]" in texts
    assert "68 % width\nof $E_\\gamma$ [%]" in texts


def test_one_energy_is_said(tmp_path, make_columns, written_texts):
    columns = make_columns(100, energy=(0.0528, 0.0528))
    draw_page(collect_results(columns, "x", Path("x")).tasks["energy"], "x", tmp_path / "x.png")
    assert [texts.count("one value only") for texts in written_texts] == [0, 1, 0]


def test_panels_without_their_variable_are_left_out(tmp_path, make_columns):
    columns = {name: make_columns(200)[name] for name in ("pred_energy", "energyTruth")}
    result = collect_results(columns, "x", Path("x")).tasks["energy"]
    panels = [panel for sheet in sheets_of(result) for row in sheet.rows for panel in row]
    assert len(panels) == 5
    assert not any(panel.needs for panel in panels)
    assert all(path.stat().st_size > 0 for path in draw_page(result, "x", tmp_path / "x.png"))


def test_the_same_numbers_give_the_same_file(tmp_path, make_columns):
    result = collect_results(make_columns(50), "x", Path("x")).tasks["n_gamma"]
    for kind in ("pdf", "png", "svg"):
        ((first,), (second,)) = (draw_page(result, "x", tmp_path / f"{i}.{kind}") for i in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_the_settings_of_the_caller_stay():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["font.size"] == 9.0
    assert dict(mpl.rcParams) == before


def test_unknown_formats_are_refused(tmp_path, make_columns):
    result = collect_results(make_columns(5), "x", Path("x")).tasks["timing"]
    with pytest.raises(AnalysisError, match="format 'docx'; expected one of pdf, png, svg"):
        draw_page(result, "x", tmp_path / "x.docx")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def predictions(tmp_path, make_columns, write_tree):
    return write_tree(tmp_path / "predictions.root", make_columns(100))


def test_the_command(predictions, capsys):
    with pytest.raises(SystemExit) as end:
        main(["plot", str(predictions), "--task", "energy", "--task", "uvwFI", "--format", "png"])
    assert end.value.code in (0, None)
    folder = predictions.parent / "plots"
    assert sorted(path.name for path in folder.iterdir()) == [
        "metrics_predictions.csv",
        "metrics_predictions.json",
        *(f"resolution_profile_energy_predictions{end}.png" for end in ("", "_2", "_3")),
        *(f"resolution_profile_uvwFI_predictions{end}.png" for end in ("", "_2", "_3", "_4", "_5")),
    ]
    out = capsys.readouterr().out
    assert "relative" in out
    assert "distance" in out
    assert "timing" not in out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.root"], "no such run or file: nowhere.root"),
        (["FILE", "--task", "engery"], "unknown task 'engery' (did you mean 'energy'?)"),
        (["FILE", "--format", "gif"], "format 'gif'; expected one of pdf, png, svg"),
        (["FILE", "--tree", "other"], "other"),
        (["FILE", "-o", "FILE/plots"], "cannot create the folder"),
    ],
)
def test_errors_are_one_line_and_nothing_is_made(predictions, capsys, arguments, complaint):
    before = sorted(predictions.parent.rglob("*"))
    with pytest.raises(SystemExit) as end:
        main(["plot", *(argument.replace("FILE", str(predictions)) for argument in arguments)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("xec: error: ")
    assert error.count("\n") == 1
    assert complaint in error
    assert sorted(predictions.parent.rglob("*")) == before


def test_the_light_of_an_event_is_a_variable_where_the_readings_are(make_columns):
    columns = make_columns(40)
    columns["npho"] = np.full((40, 3), 2.0)
    columns["npho"][0, 1] = 1e10
    result = collect_results(columns, "x", Path("x")).tasks["timing"]
    assert result.variables[PHOTONS].tolist() == [4.0, *[6.0] * 39]
    assert PHOTONS in {
        name for sheet in sheets_of(result) for row in sheet.rows for p in row for name in p.needs
    }


def test_the_sum_that_a_file_holds_is_the_light(make_columns):
    columns = {**make_columns(40), "npho_sum": np.arange(40.0)}
    result = collect_results(columns, "x", Path("x")).tasks["timing"]
    assert result.variables[PHOTONS].tolist() == list(range(40))


def test_letters_of_a_pdf_are_letters(tmp_path, make_columns):
    (path,) = draw_page(
        collect_results(make_columns(50), "x", Path("x")).tasks["energy"], "x", tmp_path / "x.pdf"
    )
    written = path.read_bytes()
    assert b"/Type3" not in written
    assert b"/CIDFontType2" in written
    assert b"CreationDate" not in written
