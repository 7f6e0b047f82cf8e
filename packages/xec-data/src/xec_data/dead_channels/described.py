"""Dead channels from the tables of a database, joined as a YAML file describes (the extra ``database``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_data.dead_channels.columns import Column, Join
from xec_data.dead_channels.connection import Connection, Row
from xec_data.dead_channels.database import parse_options
from xec_data.dead_channels.description import read_description
from xec_data.dead_channels.sensor_ids import sensor_of
from xec_data.errors import DataError
from xec_geometry import N_SENSORS
from xec_geometry.errors import did_you_mean

if TYPE_CHECKING:
    import sqlalchemy as sql

Bools = NDArray[np.bool_]


class DescribedDeadChannels:
    """Dead channels of a database that a YAML file describes.

    Parameters
    ----------
    path
        A description, see `DatabaseDescription`.
    run
        The run whose dead channels are meant, whatever the events say: a real list for simulated events.

    Raises
    ------
    DataError
        If the file is not a description, or the database cannot be opened or lacks a table or a column.
    """

    def __init__(self, path: str | Path, *, run: int | None = None) -> None:
        self.path = Path(path)
        self._run = run
        self._description = read_description(self.path)
        self._may_lack_sensors = self._description.missing_sensors == "good"
        url, source = self._description.connection.url(self.path.parent)
        self._database = Connection(url, secret_of=f"{self.path}: the database of {source}")
        self._steps = self._ordered()
        self._known: dict[int, Bools] = {}
        self._database.check_tables(self._tables(), str(self.path))

    def dead(self, run: int | None = None) -> Bools:
        """Determine which sensors were dead in a run; see `DeadChannelSource.dead`.

        Each run is asked for once.
        """
        run = run if self._run is None else self._run
        if run is None:
            raise DataError(f"{self.path}: no run given; expected its number, as in {self.path}#run=12345")
        if run not in self._known:
            names, rows = self._database.rows(self._query(), f"{self.path}, run {run}:", {"run": run})
            self._known[run] = self._judge(rows, self._places(names), f"{self.path}, run {run}")
        return self._known[run].copy()

    def _ordered(self) -> list[tuple[str, list[Join]]]:
        """Return the joined tables in their order, each with its joins: the column before it on the left."""
        if self._description.run is None:
            return []
        steps: dict[str, list[Join]] = {}
        order = [self._description.run.table]
        for join in self._description.joins:
            left, right = join
            after = [
                len(order) if table not in order else order.index(table)
                for table in (left.table, right.table)
            ]
            if after[0] > after[1]:
                left, right = right, left
            steps.setdefault(right.table, []).append(Join(left, right))
            if right.table not in order:
                order.append(right.table)
        return list(steps.items())

    def _tables(self) -> Mapping[str, Sequence[str]]:
        tables: dict[str, list[str]] = {}
        if self._description.run is not None:
            for column in self._columns():
                tables.setdefault(column.table, []).append(column.name)
        return tables

    def _columns(self) -> list[Column]:
        """Return every column that a query with joins asks for, in a fixed order."""
        it = self._description
        joined = [column for _, joins in self._steps for join in joins for column in join]
        columns = [it.sensor, *(condition.column for condition in it.bad), *([it.run] if it.run else [])]
        return list(dict.fromkeys([*columns, *joined]))

    def _query(self) -> sql.Executable:
        import sqlalchemy as sql

        if self._description.query is not None:
            return sql.text(self._description.query.strip().removesuffix(";"))
        tables: dict[str, sql.TableClause] = {}
        for table, names in self._tables().items():
            schema, _, short = table.rpartition(".")
            there: list[sql.ColumnClause[Any]] = [sql.column(name) for name in dict.fromkeys(names)]
            tables[table] = sql.table(short, *there, schema=schema or None)

        def of(column: Column) -> sql.ColumnElement[Any]:
            return tables[column.table].c[column.name]

        run = self._description.run
        assert run is not None  # as the description checks
        source: sql.FromClause = tables[run.table]
        for table, joins in self._steps:
            # Outer joins: a row that is missing is told, and not left out together with its sensors.
            conditions = [of(join.left) == of(join.right) for join in joins]
            source = source.outerjoin(tables[table], sql.and_(*conditions))
        columns = [of(column).label(f"c{place}") for place, column in enumerate(self._columns())]
        return sql.select(*columns).select_from(source).where(of(run) == sql.bindparam("run"))

    def _places(self, names: Sequence[str]) -> dict[Column, int]:
        """Return the column of a row at which each of ours stands."""
        if self._description.query is None:
            return {column: place for place, column in enumerate(self._columns())}
        for column in self._columns():
            if names.count(column.name) != 1:
                found = "several columns" if column.name in names else "no column"
                raise DataError(
                    f"{self.path}: the query gives {found} '{column.name}'"
                    f"{did_you_mean(column.name, names)}; it gives {', '.join(names)}"
                )
        return {column: names.index(column.name) for column in self._columns()}

    def _judge(self, rows: Sequence[Row], places: Mapping[Column, int], where: str) -> Bools:
        """Return the dead sensors of a run from its rows."""
        if not rows:
            of_run = f" of {self._description.run}" if self._description.run else ""
            raise DataError(f"{where}: no such run{of_run} in the database")
        sensor = self._description.sensor
        listed: Counter[int] = Counter()
        dead = np.zeros(N_SENSORS, dtype=np.bool_)
        for row in rows:
            values = {column: row[place] for column, place in places.items()}
            unmatched = self._unmatched(values)
            if len(rows) == 1 and self._lacks_sensors(values, unmatched):
                return dead
            if unmatched is not None:
                value = "NULL" if (found := values[unmatched.left]) is None else repr(found)
                raise DataError(
                    f"{where}: no row of '{unmatched.right.table}' with {unmatched.right.name} = {value}, "
                    f"as {unmatched.left} is"
                )
            number = sensor_of(values[sensor], f"{where}, column '{sensor}'")
            listed[number] += 1
            bad = [
                condition.holds(values[condition.column], f"{where}, sensor {number}")
                for condition in self._description.bad
            ]
            dead[number] = dead[number] or any(bad)
        self._check_listed(listed, where)
        return dead

    def _unmatched(self, values: Mapping[Column, Any]) -> Join | None:
        """Return the first join that has found nothing."""
        for _, joins in self._steps:
            if all(values[join.right] is None for join in joins):
                return joins[0]
        return None

    def _lacks_sensors(self, values: Mapping[Column, Any], unmatched: Join | None) -> bool:
        """Return whether the only row of a run says that no sensor is listed, and that this is fine.

        An outer join without a partner says so. A sensor that is NULL beside values is damage.
        """
        if not self._may_lack_sensors:
            return False
        if self._description.query is None:
            return unmatched is not None and unmatched.right.table == self._description.sensor.table
        return all(value is None for value in values.values())

    def _check_listed(self, listed: Counter[int], where: str) -> None:
        repeated = [sensor for sensor, number in listed.items() if number > 1]
        if repeated:
            raise DataError(
                f"{where}: sensor {min(repeated)} has {listed[min(repeated)]} rows{_others(repeated)}; "
                "expected one for each sensor: does a join or a condition lack?"
            )
        missing = [sensor for sensor in range(N_SENSORS) if sensor not in listed]
        if missing and not self._may_lack_sensors:
            raise DataError(
                f"{where}: sensor {missing[0]} has no row{_others(missing)}; expected all {N_SENSORS} "
                "sensors, or missing_sensors: good"
            )


def open_described(text: str) -> DescribedDeadChannels:
    """Open a description of a database.

    Parameters
    ----------
    text
        ``conditions.yaml`` or ``conditions.yaml#run=12345``.

    Raises
    ------
    DataError
        If an option behind the ``#`` is unknown, and as `DescribedDeadChannels`.
    """
    path, _, fragment = text.partition("#")
    return DescribedDeadChannels(Path(path).expanduser(), **parse_options(fragment, ("run",)))


def _others(sensors: Sequence[int]) -> str:
    return f", like {len(sensors) - 1} other sensors" if len(sensors) > 1 else ""
