"""An event on the unrolled detector."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis import AnalysisError, draw_event, find_event, read_event
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
    assert event.title.startswith("run 5 · event 17 · entry 17 of events.root · true energy ")
    assert read_event(events_file, -1).entry == len(chunk) - 1


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_pictures(events_file, tmp_path, kind):
    path = draw_event(read_event(events_file, 3), tmp_path / f"event.{kind}", predicted_uvw=np.zeros(3))
    start = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}[kind]
    assert path.read_bytes().startswith(start)


def test_dead_sensors_are_grey_and_counted(events_file, tmp_path, written_texts):
    event = read_event(events_file, 0)
    draw_event(event, tmp_path / "event.png")
    (texts,) = written_texts
    dead = int(np.isnan(event.npho).sum())
    # Two percent of the sensors of the fixture.
    assert dead == pytest.approx(0.02 * N_SENSORS, rel=0.3)
    assert any(f"in {N_SENSORS - dead} sensors (grey: {dead} without)" in text for text in texts)
    assert "true first interaction" in texts
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
