"""The YAML file that describes a database: all its problems at once, and nothing of what is secret."""

from __future__ import annotations

import sqlite3
import traceback
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from xec_data.dead_channels.columns import Condition
from xec_data.dead_channels.description import read_description
from xec_data.dead_channels.sources import open_dead_channels
from xec_data.errors import DataError

FINE = """\
connection: {environment: XEC_TEST_DATABASE}
run: a.run
joins: a.id = b.id
sensor: b.sensor
bad: b.bad
"""


def problem_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "dead.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_description(path)
    assert "secret" not in "".join(traceback.format_exception(error.value))
    return str(error.value).replace(f"{path}", "dead.yaml")


def test_a_description_that_is_fine(tmp_path: Path) -> None:
    (tmp_path / "dead.yaml").write_text(FINE)
    found = read_description(tmp_path / "dead.yaml")
    assert (str(found.run), str(found.joins[0]), str(found.sensor)) == ("a.run", "a.id = b.id", "b.sensor")
    assert [str(condition) for condition in found.bad] == ["b.bad != 0"]


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = problem_of(
        tmp_path,
        "connection: mysql://reader:secret@host/db\nrun: 5\njoins: [a.id]\nsensor: b.sensor\n"
        "bad: b.bad > high\nmissing_sensors: bad\nsensr: 3\n",
    )
    keys = "connection, run, joins, query, sensor, bad, missing_sensors"
    where = "the key 'environment' (a variable with the URL) or 'file' (a file with it)"
    assert text.splitlines() == [
        "dead.yaml: 6 problems",
        f"  connection: expected {where}, not the URL itself, which others could read",
        "  run: found 5, expected text",
        "  joins: found 'a.id', expected two columns such as RunCatalog.conf = XECConf.id",
        "  bad: found 'b.bad > high', expected a comparison with a number or 'text'",
        "  missing_sensors: Input should be 'error' or 'good'",
        f"  sensr: unknown key (did you mean 'sensor'?); expected {keys}",
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("environment: XEC_TEST_DATABASE", "", "connection: expected one of the keys"),
        ("environment: XEC_TEST_DATABASE", "environment: mysql://a:b@c", "is no name of a variable"),
        ("environment: XEC_TEST_DATABASE", "file: mysql:/a:b@c", "'file' is a URL"),
        ("environment", "url", "connection.url: unknown key; expected environment, file"),
        ("run: a.run\n", "", "missing; expected the keys run and joins, or the key query"),
        ("run: a.run", "run: run", "run: found 'run', expected a column with its table"),
        ("a.id =", "c.id =", "joins: found 'c.id = b.id', expected a column of a table before: a"),
        ("a.id =", "b.no =", "joins: found 'b.no = b.id', expected columns of two tables"),
        ("sensor: b.", "sensor: bb.", "bb.sensor: expected a column of a joined table: a, b"),
        ("bad: b.bad", "bad: []", "bad: "),
        ("bad: b.bad", "bad: b.bad is not null", "bad: found 'b.bad is not null'; 'is not' is none of"),
        ("bad: b.bad", "bad: b.bad IN (1, 2)", "'IN' is none of its signs; expected a comparison with"),
        ("bad: b.bad", "bad: b.bad = 1 and b.id = 2", "expected a comparison with a number or 'text'"),
        ("bad: b.bad", "bad: b.bad or b.id = 2", "or a column alone (not 0); the key 'query' takes"),
        ("joins: a.id = b.id", "query: SELECT 1", "query: found the parameters none; expected :run"),
        ("run: a.run\njoins: a.id = b.id", "query: DROP TABLE x", "query: found another statement"),
        ("bad: b.bad", "bad: b.bad\nbad: b.worse", "the key 'bad' was already given in line 5"),
    ],
)  # fmt: skip
def test_each_problem(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in FINE
    assert message in problem_of(tmp_path, FINE.replace(before, after))


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("bad", 1, True), ("bad", 0, False), ("bad != 0", True, True), ("bad=1", b"\x01", True),
        ("bad = 1", b"\x00", False), ("gain < 0.1", 0.1, False), ("gain <= 0.1", 0.1, True),
        ("gain >= 1e-3", Decimal("0.001"), True), ("bad <> 2", 2, False), ("state = 'dead'", "dead", True),
        ("state != 'dead'", "ok", True),
    ],
)  # fmt: skip
def test_conditions(text: str, value: object, expected: bool) -> None:
    assert Condition.parse(text).holds(value, "here") is expected


@pytest.mark.parametrize(
    ("text", "value"), [("bad", None), ("bad", "yes"), ("bad", float("nan")), ("state = 'dead'", 1)]
)
def test_values_that_cannot_be_compared(text: str, value: object) -> None:
    with pytest.raises(DataError, match=r"^here: (bad|state) is .*; expected a (number|text), for"):
        Condition.parse(text).holds(value, "here")


def test_where_the_url_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dead.yaml"
    path.write_text(FINE)
    monkeypatch.delenv("XEC_TEST_DATABASE", raising=False)
    with pytest.raises(DataError, match="the environment variable XEC_TEST_DATABASE is not set"):
        open_dead_channels(path)
    for url in ("no url hush", "nonsense:hush", f"sqlite:///{tmp_path}/hush.db"):
        monkeypatch.setenv("XEC_TEST_DATABASE", url)
        with pytest.raises(DataError, match=r"\$XEC_TEST_DATABASE") as error:
            open_dead_channels(path)
        assert "hush" not in "".join(traceback.format_exception(error.value))
    path.write_text(FINE.replace("environment: XEC_TEST_DATABASE", "file: nowhere"))
    with pytest.raises(DataError, match="no such file"):
        open_dead_channels(path)


def test_a_driver_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymysql", None)
    path = tmp_path / "dead.yaml"
    path.write_text(FINE)
    monkeypatch.setenv("XEC_TEST_DATABASE", "mysql+pymysql://reader:secret@host/db")
    with pytest.raises(DataError) as error:
        open_dead_channels(path)
    assert str(error.value).endswith(
        "its driver 'pymysql' is not installed; pip install 'xec-data[mysql]' brings it"
    )


def test_a_table_of_bad_sensors_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection:
        connection.executescript(
            "CREATE TABLE a (run, id); CREATE TABLE b (id, sensor, bad);"
            "INSERT INTO a VALUES (1, 10), (2, 20); INSERT INTO b VALUES (10, 4, 1), (10, 5, 1);"
        )
    monkeypatch.setenv("XEC_TEST_DATABASE", f"sqlite:///{tmp_path / 'c.db'}")
    path = tmp_path / "dead.yaml"
    path.write_text(f"{FINE}missing_sensors: good\n")
    source = open_dead_channels(path)
    assert [source.dead(run).nonzero()[0].tolist() for run in (1, 2)] == [[4, 5], []]
    with pytest.raises(DataError, match="no such run"):
        source.dead(3)
