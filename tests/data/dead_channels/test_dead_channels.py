"""Dead channels from text files, the branch of a file, and the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_data.dead_channels.sources import (
    BranchDeadChannels,
    TextDeadChannels,
    open_dead_channels,
    write_dead_channels,
)
from xec_data.errors import DataError
from xec_geometry import N_SENSORS, face_ids
from xec_geometry.cli.application import main

LAST = N_SENSORS - 1


def ids_of(dead: np.ndarray) -> list[int]:
    assert dead.shape == (N_SENSORS,)
    assert dead.dtype == np.bool_
    return np.flatnonzero(dead).tolist()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_text_file(tmp_path: Path) -> None:
    path = write(tmp_path / "dead.txt", f"# 2026, π\n\n 17 # noisy\n0\r\n{LAST}\n17\n   # nothing\n")
    assert ids_of(TextDeadChannels(path).dead()) == [0, 17, LAST]
    assert ids_of(open_dead_channels(str(path)).dead(run=12345)) == [0, 17, LAST]


def test_several_ids_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "dead.txt", "\ufeff5, 7,9\n11 13 # two\n")
    assert ids_of(TextDeadChannels(path).dead()) == [5, 7, 9, 11, 13]


def test_a_comment_goes_to_the_end_of_its_line(tmp_path: Path) -> None:
    text = "".join(f"# of{end}8\n" for end in "\u2028\x0b\x0c\x85\x1c") + "3\r4\r\n5"
    assert ids_of(TextDeadChannels(write(tmp_path / "dead.txt", text)).dead()) == [3, 4, 5]


def test_a_text_file_without_ids_says_that_all_live(tmp_path: Path) -> None:
    assert ids_of(TextDeadChannels(write(tmp_path / "dead.txt", "# none\n")).dead()) == []


def test_whoever_changes_the_list_changes_a_copy(tmp_path: Path) -> None:
    source = TextDeadChannels(write(tmp_path / "dead.txt", "3\n"))
    source.dead()[:] = True
    assert ids_of(source.dead()) == [3]


@pytest.mark.parametrize("entry", ["abc", "-1", "1.0", "1_0", "+3", str(N_SENSORS), "٣", "9" * 5000])
def test_a_bad_line_is_named(tmp_path: Path, entry: str) -> None:
    path = write(tmp_path / "dead.txt", f"5\n\n{entry} # why\n7\n")
    with pytest.raises(DataError) as error:
        open_dead_channels(path)
    shown = entry if len(entry) < 10 else f"{entry[:40]}…"
    expected = f"{path}: line 3: found {shown!r}; expected a sensor id from 0 to {LAST}"
    assert str(error.value) == expected


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "dead.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="neither a text file nor a ROOT file"):
        open_dead_channels(tmp_path / "dead.txt")
    with pytest.raises(DataError, match=r"no such file: .*ded\.txt.*dead\.txt"):
        open_dead_channels(tmp_path / "ded.txt")
    with pytest.raises(DataError, match="cannot be read"):
        open_dead_channels(tmp_path)


def test_write_and_read_again(tmp_path: Path) -> None:
    dead = np.zeros(N_SENSORS, dtype=bool)
    dead[face_ids("top")] = True
    dead[[0, LAST]] = True
    path = write_dead_channels(tmp_path / "dead.txt", dead, ["run 7", "two\nlines"])
    np.testing.assert_array_equal(open_dead_channels(path).dead(), dead)
    assert path.read_text().splitlines()[:4] == ["# run 7", "# two", "# lines", "0"]
    with pytest.raises(ValueError, match="one per sensor"):
        write_dead_channels(path, [1, 2, 3])


@pytest.fixture
def flagged(make_events: Callable[..., Any], write_tree: Any) -> Path:
    """Three runs; sensor 5 is flagged in one event of run 1, sensor 9 in all of run 2."""
    events = make_events(12)
    events["run"] = np.repeat(np.array([1, 2, 3], dtype=np.int32), 4)
    events["dead"] = np.zeros((12, N_SENSORS), dtype=bool)
    events["dead"][2, 5] = True
    events["dead"][4:8, 9] = True
    path: Path = write_tree(events, clusters=3)
    return path


def test_branch(flagged: Path) -> None:
    source = open_dead_channels(flagged)
    assert ids_of(source.dead()) == [5, 9]
    assert [ids_of(source.dead(run)) for run in (1, 2, 3)] == [[5], [9], []]
    with pytest.raises(DataError, match=r"no events of run 4.*3 runs from 1 to 3"):
        source.dead(4)


def test_branch_without_runs_is_one_list(make_events: Callable[..., Any], write_tree: Any) -> None:
    dead = np.zeros((3, N_SENSORS), dtype=bool)
    dead[:, 8] = True
    assert ids_of(BranchDeadChannels(write_tree({"dead": dead})).dead(run=4)) == [8]
    with pytest.raises(DataError, match="no branch 'dead'"):
        open_dead_channels(write_tree(make_events(3)))


def check(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(["data", "check", *map(str, arguments)])
    return int(exit_.value.code or 0)


def test_from_the_data(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sensor 3 is invalid in 14 of 20 events, over two files of different length."""
    first, second = make_events(12), make_events(8, seed=1)
    first["npho"][:10, 3] = 1e10
    second["npho"][:4, 3] = np.nan
    files = [write_tree(first, "a.root"), write_tree(second, "b.root")]
    out = tmp_path / "dead.txt"
    # Sensors 7 and 11 never have a reading in these events.
    for fraction, expected in ((0.69, [3, 7, 11]), (0.7, [7, 11])):
        assert check(*files, "--dead-out", out, "--dead-fraction", fraction, "--force") == 0
        assert ids_of(open_dead_channels(out).dead()) == expected
    lines = out.read_text().splitlines()
    assert lines[:3] == [
        "# 2 dead sensors: invalid in more than 70 % of 20 events of",
        f"# {files[0]}",
        f"# {files[1]}",
    ]
    assert "2 dead sensors (invalid in more than 70 % of 20 events)" in capsys.readouterr().out
    assert check(files[0], "--dead-fraction", 0.8) == 0
    assert "in more than 80 % of the events): 3: 3, 7, 11" in capsys.readouterr().out.replace("\n", " ")


def test_nothing_is_written_for_bad_arguments(
    make_events: Callable[..., Any], write_tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_tree(make_events(4))
    assert check(file, "--dead-out", tmp_path / "dead.txt", "--dead-fraction", 1.5) == 2
    assert "--dead-fraction 1.5: expected 0 ≤ fraction < 1" in capsys.readouterr().err
    assert check(file, "--dead-out", tmp_path / "none" / "dead.txt") == 2
    assert "does not exist" in capsys.readouterr().err
    assert check(file, tmp_path / "missing.root", "--dead-out", tmp_path / "dead.txt") == 2
    assert not (tmp_path / "dead.txt").exists()


def test_an_empty_root_file_is_no_list(tmp_path):
    (tmp_path / "dead.root").touch()
    with pytest.raises(DataError, match=r"dead\.root"):
        open_dead_channels(tmp_path / "dead.root")
