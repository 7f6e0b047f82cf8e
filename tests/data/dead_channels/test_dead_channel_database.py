"""Dead channels from a database: SQLite, written by the standard library."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from xec_data.dead_channels.database import DatabaseDeadChannels
from xec_data.dead_channels.sources import open_dead_channels
from xec_data.errors import DataError
from xec_geometry import N_SENSORS

ROWS = [(4, 100, 199), (5, 150, None), (6, None, 120), (7, None, None), (4, 150, 300)]


@pytest.fixture
def make_database(tmp_path: Path) -> Callable[..., str]:
    """Give ``make_database(rows, table, columns)``: the URL of a new database."""

    def make(
        rows: list[tuple[object, ...]],
        table: str = "dead_channels",
        columns: str = "sensor, first_run, last_run",
    ) -> str:
        path = tmp_path / "conditions.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE {table} ({columns})")
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            connection.commit()
        return f"sqlite:///{path}"

    return make


def ids_of(dead: np.ndarray) -> list[int]:
    assert (dead.shape, dead.dtype) == ((N_SENSORS,), np.dtype(bool))
    return np.flatnonzero(dead).tolist()


@pytest.mark.parametrize(
    ("run", "expected"),
    [(99, [6, 7]), (100, [4, 6, 7]), (120, [4, 6, 7]), (121, [4, 7]), (150, [4, 5, 7]), (301, [5, 7])],
)
def test_by_run(make_database: Callable[..., str], run: int, expected: list[int]) -> None:
    url = make_database(ROWS)
    assert ids_of(open_dead_channels(url).dead(run)) == expected
    # A run given with the URL holds whatever the events say.
    pinned = open_dead_channels(f"{url}#run={run}")
    assert ids_of(pinned.dead()) == expected
    assert ids_of(pinned.dead(0)) == expected


def test_other_names_and_a_row_for_each_run(make_database: Callable[..., str]) -> None:
    url = make_database([(2, 10), (3, 11), (2, 11)], "xec_bad", "channel, run_number")
    names = "table=xec_bad&sensor=channel&first_run=run_number&last_run=run_number"
    source = open_dead_channels(f"{url}#{names}")
    assert [ids_of(source.dead(run)) for run in (9, 10, 11, 12)] == [[], [2], [2, 3], []]
    same = DatabaseDeadChannels(
        url, table="xec_bad", sensor="channel", first_run="run_number", last_run="run_number", run=10
    )
    assert ids_of(same.dead()) == [2]


def test_names_are_names_and_no_statements(make_database: Callable[..., str]) -> None:
    url = make_database([(2, 1, 1)], '"odd; name"', '"from", "a b", last_run')
    source = DatabaseDeadChannels(url, table="odd; name", sensor="from", first_run="a b")
    assert ids_of(source.dead(1)) == [2]


def test_the_run_has_to_be_known(make_database: Callable[..., str]) -> None:
    with pytest.raises(
        DataError, match=r"no run given; expected its number behind the URL, as in .*#run=12345"
    ):
        open_dead_channels(make_database(ROWS)).dead()


@pytest.mark.parametrize("value", ["top", -1, N_SENSORS, 1.5, None])
def test_values_that_are_no_sensors(make_database: Callable[..., str], value: object) -> None:
    source = open_dead_channels(make_database([(value, 1, 1)]))
    with pytest.raises(DataError) as error:
        source.dead(1)
    where, found = "table 'dead_channels', column 'sensor', run 1", "NULL" if value is None else repr(value)
    assert f"{where}: found {found}; expected a sensor id from 0 to {N_SENSORS - 1}" in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("table=dead_chanels", "table 'dead_chanels' does not exist (did you mean 'dead_channels'?)"),
        ("sensor=sensr", "has no column 'sensr' (did you mean 'sensor'?)"),
        ("run=12a", "found #run=12a; expected a number, as in #run=12345"),
        ("rum=3", "unknown option #rum of a database (did you mean 'run'?)"),
        ("12345", "unknown option #12345 of a database; expected run, table"),
    ],
)
def test_errors_of_names(make_database: Callable[..., str], options: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        open_dead_channels(f"{make_database(ROWS)}#{options}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_errors_of_databases(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    with pytest.raises(DataError, match="no such file"):
        open_dead_channels(f"sqlite:///{missing}")
    assert not missing.exists()
    missing.write_text("this is no database, but long enough to look like one" * 20)
    with pytest.raises(DataError, match=r"cannot be read: .*not a database$"):
        open_dead_channels(f"sqlite:///{missing}")
    with pytest.raises(DataError) as caught:
        open_dead_channels("oracel://reader:secret@host/conditions")
    assert "cannot be opened: there is no kind of database 'oracel'; expected one such as sqlite:///" in str(
        caught.value
    )
    assert "secret" not in str(caught.value)
    with pytest.raises(
        DataError, match=r"its URL is none of sqlite; expected one such as sqlite:///dead\.db"
    ):
        open_dead_channels("sqlite://dead.db")
    with pytest.raises(DataError, match="not the URL of a database"):
        open_dead_channels("://")


@pytest.mark.parametrize(
    "url",
    [
        "oracel://reader:secret@host/conditions",
        "sqlite://reader:secret@host:x/y",
        "sqlite://a:secret@b",
        "sqlite://a:secret@b#rum=1",
        "sqlite:///none.db?password=secret",
        "mysql+pymysql://127.0.0.1:1/db?user=r&password=secret",
    ],
)
def test_the_password_is_not_shown(url: str) -> None:
    with pytest.raises(DataError) as error:
        open_dead_channels(url)
    assert "secret" not in str(error.value)


def test_without_the_extra(make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = make_database(ROWS)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(DataError) as error:
        open_dead_channels(url)
    expected = "dead channels from a database need SQLAlchemy: pip install 'xec-data[database]'"
    assert str(error.value) == expected


@pytest.mark.parametrize("run", ["9" * 19, "9" * 5000, "٣"])
def test_a_run_that_no_database_takes(make_database: Callable[..., str], run: str) -> None:
    with pytest.raises(DataError, match=f"found #run={run[:19]}.*; expected a number"):
        open_dead_channels(f"{make_database(ROWS)}#run={run}")


def test_an_infinite_sensor(make_database: Callable[..., str]) -> None:
    url = make_database([(float("inf"), None, None)])
    with pytest.raises(DataError, match="found inf; expected a sensor id"):
        open_dead_channels(url).dead(1)
