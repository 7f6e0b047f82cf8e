"""An event on the unrolled detector."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis import AnalysisError, Estimate, draw_event, find_event, load_results, read_event
from xec_analysis.events.display import draw_event_in_space
from xec_analysis.events.panels import photon_panel
from xec_analysis.events.predictions import PredictionFile
from xec_analysis.events.worst_events import predicted_values
from xec_data.reading.reader import EventReader
from xec_geometry import N_SENSORS
from xec_geometry.cli.application import main


def test_an_event_is_read_as_it_is_stored(events_file):
    event = read_event(events_file, 17)
    (chunk,) = EventReader(events_file, ("npho", "time", "uvwTruth"), chunk_size=1000)
    valid = np.abs(chunk["npho"][17]) < 9e9
    assert event.npho.shape == (N_SENSORS,)
    np.testing.assert_array_equal(np.isfinite(event.npho), valid)
    np.testing.assert_array_equal(event.npho[valid], chunk["npho"][17][valid])
    np.testing.assert_allclose(event.true_uvw, chunk["uvwTruth"][17])
    assert event.title == "run 5 · event 17 · entry 17 of events.root"
    assert event.truth.text().startswith("true ")
    assert not event.conventional.is_known
    assert read_event(events_file, -1).entry == len(chunk) - 1


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_pictures(events_file, tmp_path, kind):
    predicted = [Estimate("predicted", np.zeros(3))]
    path = draw_event(read_event(events_file, 3), tmp_path / f"event.{kind}", predicted=predicted)
    start = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}[kind]
    assert path.read_bytes().startswith(start)


def test_dead_sensors_are_hatched_and_counted(events_file, tmp_path, written_texts):
    event = read_event(events_file, 0)
    draw_event(event, tmp_path / "event.png")
    (texts,) = written_texts
    dead = int(np.isnan(event.npho).sum())
    # Two percent of the sensors of the fixture.
    assert dead == pytest.approx(0.02 * N_SENSORS, rel=0.3)
    assert any(f"in {N_SENSORS - dead} sensors (hatched: {dead} dead)" in text for text in texts)
    timeless = int(np.isnan(event.time).sum()) - dead
    assert any(text.endswith(f"(hatched: {dead} dead, grey: {timeless} without)") for text in texts)
    assert event.truth.text() in texts
    assert {"photons", "time [ns]", "inner", "top"} <= set(texts)


def test_an_event_without_truth_or_light(tmp_path, write_tree):
    columns = {
        "npho": np.full((2, N_SENSORS), 1e10, dtype=np.float32),
        "relative_time": np.full((2, N_SENSORS), np.nan, dtype=np.float32),
    }
    event = read_event(write_tree(tmp_path / "dark.root", columns), 1)
    assert event.title == "entry 1 of dark.root"
    assert event.true_uvw is None
    assert draw_event(event, tmp_path / "dark.png").exists()


def test_events_are_found_by_number(events_file, tmp_path, write_tree):
    assert find_event(events_file, 123) == 123
    assert find_event(events_file, 123, run=5) == 123
    numbers = {"run": np.array([1, 2], np.int32), "event": np.array([9, 9], np.int32)}
    both = write_tree(tmp_path / "both.root", numbers)
    assert find_event(both, 9, run=2) == 1
    with pytest.raises(AnalysisError, match=r"2 entries are event 9 .*give the run"):
        find_event(both, 9)


def test_the_command(events_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["display", str(events_file), "--event-number", "11"])
    assert end.value.code in (0, None)
    assert [path.name for path in tmp_path.iterdir()] == ["events_11.pdf"]
    assert capsys.readouterr().out.startswith("events_11.pdf: run 5 · event 11 · ")


def test_colours_of_photons_are_logarithmic_or_linear(events_file):
    event = read_event(events_file, 3)
    brightest = float(np.nanmax(event.npho))
    log, linear = photon_panel(event, "log"), photon_panel(event, "linear")
    assert log.norm(brightest) == linear.norm(brightest) == pytest.approx(1.0)
    assert linear.norm(brightest / 4) == pytest.approx(0.25)
    assert log.norm(np.sqrt(log.low * brightest)) == pytest.approx(0.5)
    # What is too dark for a logarithm has the darkest colour, and none but dead sensors have no colour.
    np.testing.assert_array_equal(np.isnan(log.shown), event.dead)
    assert np.nanmin(log.norm(log.shown)) == 0.0


def test_sensors_in_space(events_file, tmp_path, written_texts):
    event = read_event(events_file, 0)
    assert draw_event_in_space(event, tmp_path / "space.png").read_bytes().startswith(b"\x89PNG")
    (texts,) = written_texts
    assert {"x [cm]", "y [cm]", "z [cm]", "photons", "time [ns]", event.truth.text()} <= set(texts)


@pytest.fixture
def predictions(events_file, tmp_path, write_tree):
    """Predictions of the events, 1 cm beside the truth in u, in two variants."""
    (chunk,) = EventReader(events_file, ("uvwTruth", "energyTruth", "run", "event"), chunk_size=1000)
    columns = {"run": chunk["run"], "event": chunk["event"]}
    for variant, offset in (("", 1.0), ("_average", 2.0)):
        for axis, name in enumerate("uvw"):
            columns[f"pred_{name}{variant}"] = chunk["uvwTruth"][:, axis] + (offset if name == "u" else 0.0)
        columns[f"pred_energy{variant}"] = chunk["energyTruth"]
    # Another order than that of the events.
    return write_tree(tmp_path / "predictions.root", {name: x[::-1] for name, x in columns.items()})


def test_predictions_are_found_by_number(events_file, predictions):
    event = read_event(events_file, 17)
    plain, average = PredictionFile(predictions).of(event)
    np.testing.assert_allclose(plain.uvw - event.true_uvw, [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(average.uvw - event.true_uvw, [2, 0, 0], atol=1e-5)
    assert (plain.name, average.name) == ("predicted", "predicted (average)")
    assert plain.energy == pytest.approx(event.truth.energy)
    assert plain.time is None


def test_compared_points_are_marked_and_listed(
    events_file, predictions, tmp_path, monkeypatch, written_texts, capsys
):
    monkeypatch.chdir(tmp_path)
    command = ["display", str(events_file), "17", "--compare", str(predictions), "--scale", "linear"]
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code in (0, None)
    event = read_event(events_file, 17)
    listed = {estimate.text() for estimate in (event.truth, *PredictionFile(predictions).of(event))}
    (texts,) = written_texts
    assert listed <= set(texts)
    assert texts.count("6 × 6 cm") == 2
    printed = capsys.readouterr().out
    assert all(text in printed for text in listed)


def test_predictions_of_other_events(events_file, tmp_path, make_columns, write_tree):
    event = read_event(events_file, 17)
    columns = make_columns(10)
    other = PredictionFile(write_tree(tmp_path / "other.root", columns))
    with pytest.raises(AnalysisError, match=r"other\.root: no row is event 17 of run 5 \(entry 17 of"):
        other.of(event)
    twice = {name: np.concatenate([x, x]) for name, x in columns.items()}
    twice |= {"run": np.full(20, 5), "event": np.full(20, 17)}
    with pytest.raises(AnalysisError, match=r"20 rows are event 17 of run 5"):
        PredictionFile(write_tree(tmp_path / "twice.root", twice)).of(event)
    with pytest.raises(AnalysisError, match=r"no column 'run'"):
        PredictionFile(write_tree(tmp_path / "bare.root", {"pred_energy": np.ones(3)}))
    numbers = {"run": np.ones(3, np.int32), "event": np.arange(3, dtype=np.int32)}
    with pytest.raises(AnalysisError, match=r"no predictions \(pred_…\)"):
        PredictionFile(write_tree(tmp_path / "none.root", numbers))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["FILE"], "expected either an entry (EVENT) or --event-number"),
        (["FILE", "1", "-e", "1"], "expected either an entry (EVENT) or --event-number"),
        (["FILE", "1", "--run", "5"], "--run belongs to --event-number"),
        (["FILE", "400"], "no entry 400; expected 0 to 399 (400 events)"),
        (["FILE", "-e", "9999"], "has no event 9999 in 400 entries"),
        (["FILE", "1", "--tree", "rec"], "rec"),
        (["FILE", "1", "-o", "event.gif"], "format 'gif'"),
        (["FILE", "1", "-o", "missing/event.png"], "folder missing does not exist"),
        (["no.root", "1"], "no.root"),
        (["FILE", "1", "--compare", "no.root"], "no.root"),
    ],
)
def test_errors_are_one_line(events_file, tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["display", *(argument.replace("FILE", str(events_file)) for argument in arguments)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("xec: error: ")
    assert error.count("\n") == 1
    assert complaint in error
    assert not list(tmp_path.iterdir())


def test_worst_events_show_all_that_was_predicted(tmp_path, make_columns, write_tree):
    columns = make_columns(20)
    results = load_results(write_tree(tmp_path / "predictions.root", columns))
    shown = predicted_values(results, (7, 105))
    np.testing.assert_allclose(shown.uvw, [columns[f"pred_{name}"][5] for name in "uvw"])
    assert shown.energy == pytest.approx(columns["pred_energy"][5])
    assert shown.time == pytest.approx(columns["pred_timing"][5])
    assert not predicted_values(results, (8, 105)).is_known
