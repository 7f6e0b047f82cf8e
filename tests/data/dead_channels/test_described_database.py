"""Dead channels of four joined tables: in SQLite and in a MariaDB server of its own."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql
from tests.data.dead_channels.mariadb_server import (
    DATABASE,
    PASSWORD,
    QUOTED,
    USER,
    running_server,
)

from xec_data.dead_channels.described import DescribedDeadChannels
from xec_data.dead_channels.sources import open_dead_channels
from xec_data.errors import DataError
from xec_geometry import N_SENSORS

SCHEMA = (
    "CREATE TABLE XECStatusOfRun (sensor INT, IsBad BOOLEAN, first_run INT, last_run INT)",
    "CREATE TABLE RunCatalog (id INT PRIMARY KEY, conf INT)",
    "CREATE TABLE XECConf (id INT PRIMARY KEY, channels INT, status INT)",
    "CREATE TABLE XECChannelList (list INT, channel INT, sensor INT, PRIMARY KEY (list, channel))",
    "CREATE TABLE XECStatus (status INT, channel INT, IsBad INT, remark TEXT, PRIMARY KEY (status, channel))",
)
JOINS = """\
run: RunCatalog.id
joins:
  - RunCatalog.conf = XECConf.id
  - XECConf.channels = XECChannelList.list
  - XECStatus.channel = XECChannelList.channel
  - XECConf.status = XECStatus.status
sensor: XECChannelList.sensor
bad: XECStatus.IsBad != 0
"""
QUERY = """\
query: >
  SELECT l.sensor AS sensor, s.IsBad AS IsBad FROM RunCatalog r
  JOIN XECConf c ON c.id = r.conf JOIN XECChannelList l ON l.list = c.channels
  JOIN XECStatus s ON s.channel = l.channel AND s.status = c.status AND s.remark NOT LIKE 'x%'
  WHERE r.id = :run;
sensor: sensor
bad: IsBad = 1
"""
COMPLETE, SHORT, TWICE, OUTSIDE, NULLS, NULL_ALONE = 1, 2, 3, 4, 5, 6
BAD_OF = {101: [0, 7, 4759], 102: [7]}
# run: (configuration, channel list, status)
RUNS = {
    101: (1, COMPLETE, 1),
    102: (2, COMPLETE, 2),
    103: (3, SHORT, 1),
    104: (4, TWICE, 1),
    105: (5, OUTSIDE, 1),
    106: (6, NULLS, 1),
    107: (7, COMPLETE, 3),
    108: (8, COMPLETE, 99),
    109: (9, 99, 1),
    112: (12, NULL_ALONE, 1),
}
SHORT_LISTS = {
    SHORT: [(10, 0), (11, 1), (17, 7)],
    TWICE: [(10, 0), (11, 7), (12, 7)],
    OUTSIDE: [(10, 0), (11, N_SENSORS)],
    NULLS: [(10, 0), (11, None)],
    NULL_ALONE: [(11, None)],
}


def fill(url: str) -> None:
    """Write the tables; the electronics' channel is the sensor's id plus ten."""
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    runs = [(run, conf) for run, (conf, _, _) in RUNS.items()] + [(110, None), (111, 1234)]
    lists = [(COMPLETE, sensor + 10, sensor) for sensor in range(N_SENSORS)]
    lists += [(number, *row) for number, rows in SHORT_LISTS.items() for row in rows]
    status: list[tuple[int, int, int | None, str]] = []
    for number, run in ((1, 101), (2, 102)):
        status += [(number, id_ + 10, int(id_ in BAD_OF[run]), "") for id_ in range(N_SENSORS)]
    status += [(3, 10, 0, ""), (3, 11, None, "")]
    with engine.begin() as connection:
        for statement in SCHEMA:
            connection.exec_driver_sql(statement)
        for table, rows in (
            ("XECStatusOfRun", [(sensor, sensor == 3, 100, 110) for sensor in range(N_SENSORS)]),
            ("RunCatalog", runs),
            ("XECConf", list(RUNS.values())),
            ("XECChannelList", lists),
            ("XECStatus", status),
        ):
            mark = "?" if engine.dialect.name == "sqlite" else "%s"
            marks = ", ".join([mark] * len(rows[0]))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    """``host:port`` of a server with the tables."""
    with running_server() as address:
        fill(f"mysql+pymysql://{USER}:{QUOTED}@{address}/{DATABASE}")
        yield address


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same tables in each database."""
    if request.param == "mariadb":
        return f"mysql://{USER}:{QUOTED}@{request.getfixturevalue('mariadb')}/{DATABASE}"
    address = f"sqlite:///{tmp_path_factory.mktemp('conditions') / 'conditions.db'}"
    fill(address)
    return address


@pytest.fixture
def describe_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Give ``describe_at(url, text)``: the path of a description with the URL in the environment."""

    def write(address: str, text: str) -> str:
        monkeypatch.setenv("XEC_TEST_DATABASE", address)
        path = tmp_path / "conditions.yaml"
        path.write_text(f"connection: {{environment: XEC_TEST_DATABASE}}\n{text}")
        return str(path)

    return write


@pytest.fixture
def describe(url: str, describe_at):
    """Give ``describe(text)``: the same for the tables in each database."""
    return partial(describe_at, url)


def ids_of(dead: np.ndarray) -> list[int]:
    assert (dead.shape, dead.dtype) == ((N_SENSORS,), np.dtype(bool))
    return np.flatnonzero(dead).tolist()


def problem_of(source: str, run: int | None = None) -> str:
    with pytest.raises(DataError) as error:
        open_dead_channels(source).dead(run)
    text = str(error.value)
    assert "\n" not in text
    folder = source.partition("conditions.yaml")[0]
    return text.replace(folder, "")


@pytest.mark.parametrize("text", [JOINS, QUERY], ids=["joins", "query"])
def test_by_run(describe, text: str) -> None:
    path = describe(text)
    source = open_dead_channels(path)
    assert [ids_of(source.dead(run)) for run in (101, 102, 101)] == [BAD_OF[101], BAD_OF[102], BAD_OF[101]]
    pinned = open_dead_channels(f"{path}#run=102")
    assert ids_of(pinned.dead()) == ids_of(pinned.dead(101)) == BAD_OF[102]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("XECStatus.IsBad", [0, 7, 4759]),
        ("XECStatus.IsBad = 0", sorted(set(range(N_SENSORS)) - {0, 7, 4759})),
        ("[XECStatus.IsBad >= 1, XECChannelList.channel < 12]", [0, 1, 7, 4759]),
        ("XECStatus.remark != ''", []),
    ],
)
def test_conditions(describe, bad: str, expected: list[int]) -> None:
    path = describe(JOINS.replace("XECStatus.IsBad != 0", bad))
    assert ids_of(open_dead_channels(path).dead(101)) == expected


def test_sensors_without_a_row(describe) -> None:
    path = describe(JOINS)
    assert problem_of(path, 103) == (
        "conditions.yaml, run 103: sensor 2 has no row, like 4756 other sensors; "
        "expected all 4760 sensors, or missing_sensors: good"
    )
    path = describe(f"{JOINS}missing_sensors: good\n")
    assert ids_of(open_dead_channels(path).dead(103)) == [0, 7]
    # An empty list of a known run is a list; a status that is not there is none.
    assert ids_of(open_dead_channels(path).dead(109)) == []
    assert "no row of 'XECStatus'" in problem_of(path, 108)


@pytest.mark.parametrize("text", [JOINS, QUERY], ids=["joins", "query"])
def test_a_sensor_that_is_null_beside_values_is_no_empty_list(describe, text: str) -> None:
    path = describe(f"{text}missing_sensors: good\n")
    assert "found NULL; expected a sensor id from 0 to 4759" in problem_of(path, 112)


def test_an_outer_join_of_a_query_gives_an_empty_list(describe) -> None:
    path = describe(f"{QUERY.replace(' JOIN XEC', ' LEFT JOIN XEC')}missing_sensors: good\n")
    assert ids_of(open_dead_channels(path).dead(109)) == []


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (7, "no such run of RunCatalog.id in the database"),
        (104, "sensor 7 has 2 rows; expected one for each sensor: does a join or a condition lack?"),
        (105, "column 'XECChannelList.sensor': found 4760; expected a sensor id from 0 to 4759"),
        (106, "column 'XECChannelList.sensor': found NULL; expected a sensor id from 0 to 4759"),
        (107, "sensor 1: XECStatus.IsBad is NULL; expected a number, for XECStatus.IsBad != 0"),
        (108, "no row of 'XECStatus' with channel = 10, as XECChannelList.channel is"),
        (109, "no row of 'XECChannelList' with list = 99, as XECConf.channels is"),
        (110, "no row of 'XECConf' with id = NULL, as RunCatalog.conf is"),
        (111, "no row of 'XECConf' with id = 1234, as RunCatalog.conf is"),
    ],
)
def test_problems_of_a_run(describe, run: int, message: str) -> None:
    text = problem_of(describe(JOINS), run)
    assert text.startswith(f"conditions.yaml, run {run}")
    assert text.endswith(message)


def test_no_run_given(describe) -> None:
    assert problem_of(describe(JOINS)).endswith(
        "no run given; expected its number, as in conditions.yaml#run=12345"
    )


def test_names_that_do_not_exist(describe) -> None:
    other = describe(JOINS.replace("XECConf", "XECConfig"))
    assert problem_of(other).startswith(
        "conditions.yaml: table 'XECConfig' does not exist (did you mean 'XECConf'"
    )
    other = describe(JOINS.replace("IsBad", "Bad"))
    assert problem_of(other).startswith(
        "conditions.yaml: table 'XECStatus' has no column 'Bad' (did you mean"
    )
    other = describe(QUERY.replace("XECConf c", "XECConfig c"))
    assert "conditions.yaml, run 101: cannot be read: " in (text := problem_of(other, 101))
    assert "XECConfig" in text
    other = describe(QUERY.replace("AS IsBad", "AS Bad"))
    assert problem_of(other, 101).endswith(
        "the query gives no column 'IsBad' (did you mean 'Bad'?); it gives sensor, Bad"
    )


def test_problems_of_a_server(mariadb: str, describe_at) -> None:
    port = mariadb.partition(":")[2]
    for address, why in (
        (f"{USER}:secret@{mariadb}/{DATABASE}", "the server refuses user or password (error 1045)"),
        (
            f"{USER}:{QUOTED}@{mariadb}/other",
            "the server refuses the database to this user (error 1044)",
        ),
        (f"{USER}:{QUOTED}@127.0.0.1:1/{DATABASE}", "no server answers (error 2003)"),
        (f"{USER}:{QUOTED}@nowhere.invalid/{DATABASE}", "no server answers (error 2003)"),
    ):
        url = f"mysql://{address}"
        text = problem_of(describe_at(url, JOINS))
        assert text == f"conditions.yaml cannot be read: {why}"
        shown = problem_of(f"{url}#run=3")
        assert "secret" not in shown
        assert why in shown
    assert port not in text


def test_nothing_of_the_connection_is_printed(mariadb: str, describe_at) -> None:
    right = f"mysql://{USER}:{QUOTED}@{mariadb}/{DATABASE}"
    secrets = [PASSWORD, QUOTED, "127.0.0.1", f"'{USER}'", DATABASE + "."]
    for text, url in (
        (JOINS, right.replace(QUOTED, "wrong")),
        (JOINS, right.replace("127.0.0.1", "127.0.0.2")),
        (QUERY.replace("XECConf c", "nothing c"), right),
        (QUERY.replace("FROM RunCatalog", "FROM mysql.user"), right),
        (JOINS, right.replace(QUOTED, PASSWORD)),
        (JOINS, right.replace("mysql:", "oracel:")),
    ):
        with pytest.raises(DataError) as error:
            open_dead_channels(describe_at(url, text)).dead(101)
        # With --debug Python prints all of this.
        printed = "".join(traceback.format_exception(error.value))
        assert "conditions.yaml" in printed
        assert not [secret for secret in (*secrets, "wrong", "127.0.0.2") if secret in printed]


def test_the_examples_of_the_readme(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = Path(__file__).parents[3] / "packages" / "xec-data" / "README.md"
    joins, query = re.findall(r"```yaml\n(.*?)```", readme.read_text(), re.DOTALL)
    monkeypatch.setenv("XEC_DATABASE", url)
    path = tmp_path / "conditions.yaml"
    path.write_text(joins)
    assert [ids_of(open_dead_channels(path).dead(run)) for run in BAD_OF] == list(BAD_OF.values())
    path.write_text(f"connection: {{environment: XEC_DATABASE}}\n{query}")
    assert ids_of(open_dead_channels(path).dead(105)) == [3]


def test_the_url_in_a_file(url: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{url}\n")
    (tmp_path / "conditions.yaml").write_text(f"connection: {{file: secret}}\n{JOINS}")
    assert ids_of(DescribedDeadChannels(tmp_path / "conditions.yaml").dead(102)) == BAD_OF[102]
