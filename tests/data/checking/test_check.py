"""`xec data check`: what a file holds and what it is good for."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from xec_data.checking import tables
from xec_data.checking.check import check_file
from xec_data.checking.many import check_files
from xec_data.checking.statistics import ReadingStatistics, ValueStatistics, shorten_ids
from xec_data.checking.tables import print_report
from xec_data.reading import open_trees
from xec_geometry import N_SENSORS, face_ids
from xec_geometry.cli.application import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "check", *map(str, arguments)])
    printed = capsys.readouterr()
    errors = [line for line in printed.err.splitlines() if not line.startswith("warning: the command")]
    return int(exit_.value.code or 0), printed.out, "\n".join(errors)


def test_a_good_file(
    make_events: Callable[..., Any], write_tree: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, write_tree(make_events(12), clusters=3))
    assert (code, err) == (0, "")
    assert "12 events in 3 clusters" in out
    assert "relative_time → time" in out
    assert "usable for: regression (angle, energy, timing, uvwFI, angleVec, n_gamma), mae," in out
    assert "not usable" not in out


def test_readings_per_face_and_dead_sensors(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(40)
    npho, time = events["npho"], events["relative_time"]
    npho[:] = 1000.0
    time[:] = 1e-8
    npho[:, face_ids("top")] = 1e10
    npho[:10, face_ids("us")] = np.nan
    npho[:39, 5] = 1e10
    npho[:37, 6] = 1e10
    time[:20, face_ids("outer")] = 1e10
    report = check_file(write_tree(events, clusters=7))
    counts = {row.face: row for row in report.readings["npho"]}
    times = {row.face: row for row in report.readings["time"]}
    assert (counts["top"].invalid, counts["top"].nan) == (1.0, 0.0)
    assert (counts["us"].invalid, counts["us"].nan) == (0.25, 0.25)
    assert counts["ds"].invalid == 0
    assert counts["inner"].invalid == pytest.approx((39 + 37) / 40 / len(face_ids("inner")))
    assert times["outer"].invalid == 0.5
    assert sum(row.n_sensors for row in report.readings["npho"]) == N_SENSORS
    assert report.dead == [5, *face_ids("top").tolist()]
    assert report.reading_ranges["npho"] == (1000.0, 1000.0)
    assert report.is_usable


def test_truth_ranges_and_their_agreement(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(9)
    report = check_file(write_tree(events))
    ranges = {row.name: row.ranges for row in report.values}
    energy = events["energyTruth"]
    assert ranges["energyTruth"] == [(float(energy.min()), float(energy.max()))]
    assert ranges["uvwTruth"][2] == (
        float(events["uvwTruth"][:, 2].min()),
        float(events["uvwTruth"][:, 2].max()),
    )
    assert report.angle_unit == "rad"
    assert report.largest_uvw_difference is not None
    assert report.largest_uvw_difference < 1e-4
    assert report.largest_length_deviation is not None
    assert report.largest_length_deviation < 1e-6
    assert report.notes == []


def test_points_that_differ_and_odd_units_are_noted(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(9)
    events["uvwTruth"][4, 0] += 3
    events["energyTruth"] *= 1000
    report = check_file(write_tree(events))
    assert report.largest_uvw_difference == pytest.approx(3, rel=1e-4)
    assert any("different points, up to 3 cm apart" in note for note in report.notes)
    assert any(note.startswith("energyTruth goes from") and "expected GeV" in note for note in report.notes)


def spoil_energy(events: dict[str, Any]) -> None:
    events["energyTruth"][3] = np.nan


def spoil_direction(events: dict[str, Any]) -> None:
    events["emiVec"] *= 2
    events["emiAng"] *= 2


def drop_position(events: dict[str, Any]) -> None:
    del events["uvwTruth"]


def shorten_direction(events: dict[str, Any]) -> None:
    events["emiVec"] = events["emiVec"][:, :2]


def lose_times(events: dict[str, Any]) -> None:
    events["relative_time"][:] = 1e10


SPOILED = [
    (spoil_energy, {"energy"}, r"energyTruth is invalid in 1 of 9 events (first: entry 3)"),
    (spoil_direction, {"angle", "angleVec"}, "emiVec is not of length 1"),
    (drop_position, {"uvwFI"}, "no branch uvwTruth"),
    (shorten_direction, {"angle", "angleVec"}, "'emiVec' has 2 numbers per entry; expected 3 numbers"),
    (lose_times, {"timing"}, "all readings of time are invalid"),
]


@pytest.mark.parametrize(("spoil", "lost", "reason"), SPOILED, ids=[row[0].__name__ for row in SPOILED])
def test_what_is_not_usable_and_why(
    make_events: Callable[..., Any], write_tree: Any, spoil: Any, lost: set[str], reason: str
) -> None:
    events = make_events(9)
    spoil(events)
    report = check_file(write_tree(events))
    unusable = {purpose for purpose, usable in report.usable.items() if not usable}
    if spoil is shorten_direction:
        # The angles are in radians by their range.
        lost = {"angleVec"}
    assert unusable == lost
    assert any(reason in text for purpose in lost for text in report.reasons[purpose])
    assert report.is_usable


def test_angles_of_no_unit(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(9)
    events["emiAng"] += 0.2
    report = check_file(write_tree(events))
    assert (report.usable["angle"], report.usable["angleVec"]) == (False, True)
    assert "neither in degrees nor in radians" in report.reasons["angle"][0]


@pytest.mark.parametrize("name", ["npho", "relative_time"])
def test_files_that_are_good_for_nothing(
    make_events: Callable[..., Any], write_tree: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    events = make_events(5)
    events[name] = events[name][:, :-1]
    code, out, _ = run(capsys, write_tree(events))
    assert code == 2
    assert "usable for: nothing" in out
    assert f"has {N_SENSORS - 1} numbers per entry" in " ".join(out.split())


def test_all_readings_invalid(
    make_events: Callable[..., Any], write_tree: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    events = make_events(5)
    events["npho"][:] = 1e10
    code, out, _ = run(capsys, write_tree(events))
    assert code == 2
    assert "all readings of npho are invalid" in " ".join(out.split())


def test_json(make_events: Callable[..., Any], write_tree: Any, capsys: pytest.CaptureFixture[str]) -> None:
    events = make_events(6)
    events["timeTruth"][:] = np.nan
    good, bad = write_tree(events, name="good.root"), write_tree({"x": np.arange(3)}, name="bad.root")
    code, out, err = run(capsys, "--json", good, bad)
    first, second = json.loads(out)
    assert (code, err) == (2, "")
    assert first["n_entries"] == 6
    assert first["usable"]["energy"]
    assert not first["usable"]["timing"]
    assert not any(second["usable"].values())


def test_one_line_for_what_cannot_be_read(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_tree(make_events(8), clusters=2)
    content = path.read_bytes()
    truncated = tmp_path / "truncated.root"
    truncated.write_bytes(content[:-2000])
    damaged = tmp_path / "damaged.root"
    middle = len(content) // 2
    damaged.write_bytes(content[:middle] + bytes(5000) + content[middle + 5000 :])
    text = tmp_path / "text.root"
    text.write_text("run 1\n")
    for file, message in (
        (truncated, "is truncated"),
        (damaged, "damaged"),
        (text, "is not a ROOT file"),
        (tmp_path / "absent.root", "no such file"),
        (tmp_path / "absent*.root", "no file matches"),
    ):
        code, out, err = run(capsys, file)
        assert code == 2
        assert err.startswith("xec: error: ")
        assert len(err.splitlines()) == 1
        assert message in err
        assert out == ""
    code, _, err = run(capsys, path, "--tree", "tre")
    assert code == 2
    assert "no tree 'tre'; the trees in this file are 'tree' (did you mean 'tree'?)" in err


def test_a_bad_file_among_good_ones(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tree(make_events(4), name="good.root")
    (tmp_path / "bad.root").write_bytes(b"root" + struct.pack(">iii", 62400, 100, 10**6) + bytes(40))
    code, out, err = run(capsys, tmp_path)
    assert code == 2
    assert "usable for: regression" in out
    assert "bad.root is truncated" in err


def test_long_lists_of_sensors() -> None:
    assert shorten_ids([7, 1, 2, 3, 10, 11]) == "1–3, 7, 10, 11"
    assert shorten_ids([]) == ""


def test_statistics_do_not_depend_on_the_chunks() -> None:
    rng = np.random.default_rng(0)
    readings = rng.normal(0, 100, (10, N_SENSORS)).astype(np.float32)
    readings[rng.random(readings.shape) < 0.1] = 1e10
    values = rng.normal(size=(10, 3))
    values[6, 1] = np.inf
    whole, parts = (ReadingStatistics(), ValueStatistics()), (ReadingStatistics(), ValueStatistics())
    whole[0].add(readings)
    whole[1].add(values, 0)
    for start in (0, 1, 6):
        part = slice(start, {0: 1, 1: 6, 6: 10}[start])
        parts[0].add(readings[part])
        parts[1].add(values[part], start)
    assert whole[0].by_face() == parts[0].by_face()
    assert whole[1].ranges == parts[1].ranges
    assert parts[1].first_invalid == 6
    assert whole[1].n_invalid == parts[1].n_invalid == 1


def test_a_file_is_opened_once(
    make_events: Callable[..., Any], write_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    original = open_trees.open_file
    monkeypatch.setattr(open_trees, "open_file", lambda path: opened.append(path) or original(path))
    path = write_tree(make_events(5))
    assert check_file(path).error is None
    assert opened == [path]


def test_several_processes_see_what_one_sees(make_events: Callable[..., Any], write_tree: Any) -> None:
    events = make_events(3)
    events["npho"][:, 7] = 1e10
    paths = [write_tree(events, name=f"{i}.root") for i in range(3)]
    paths[1].write_bytes(b"root")
    done: list[tuple[str, int, int]] = []

    def progress_of(path: Path) -> Callable[[int, int], None]:
        return lambda events, total: done.append((path.name, events, total))

    alone = list(check_files(paths))
    together = list(check_files(paths, processes=2, progress_of=progress_of))
    assert [report for report, _ in together] == [report for report, _ in alone]
    assert [report.error is None for report, _ in together] == [True, False, True]
    assert [counts.dead(0.95) for _, counts in together] == [[7, 11], [], [7, 11]]
    assert done == [("0.root", 3, 3), ("1.root", 0, 0), ("2.root", 3, 3)]


@pytest.mark.parametrize("width", [50, 80, 200])
def test_rows_that_fit_are_printed_as_each_for_itself(
    make_events: Callable[..., Any], write_tree: Any, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = make_events(3)
    events["emiVec"] = events["emiVec"][:, :2]
    events["other"] = np.arange(3)
    report = check_file(write_tree(events))

    def printed() -> str:
        console = Console(width=width, file=io.StringIO(), force_terminal=True)
        with console.capture() as page:
            print_report(report, console)
        return page.get()

    together = printed()
    monkeypatch.setattr(tables, "_BESIDE_CELL", width)
    assert printed() == together
