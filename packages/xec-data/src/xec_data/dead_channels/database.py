"""Dead channels from a table of a database, by run number (the extra ``database``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from xec_data.dead_channels.connection import Connection
from xec_data.dead_channels.sensor_ids import sensor_of
from xec_data.errors import DataError
from xec_geometry import N_SENSORS
from xec_geometry.errors import did_you_mean
from xec_geometry.support.text import shortened

TABLE = "dead_channels"
SENSOR, FIRST_RUN, LAST_RUN = "sensor", "first_run", "last_run"

# Of numbers that databases take.
_MOST_DIGITS = 18
_OPTIONS = ("run", "table", "sensor", "first_run", "last_run")


class DatabaseDeadChannels:
    """Dead channels of a database table: a sensor and the runs between which it was dead, in each row.

    Parameters
    ----------
    url
        As SQLAlchemy writes it: ``sqlite:///conditions.db``, ``postgresql://reader@host/conditions``, …
    table
        Name of the table, ``schema.table`` if it stands in a schema.
    sensor
        Column with the sensor's id.
    first_run, last_run
        Columns with the first and the last run in which it was dead, both included. NULL is no bound. With
        the same name for both, a row stands for one run.
    run
        The run whose dead channels are meant, whatever the events say: a real list for simulated events.

    Raises
    ------
    DataError
        If SQLAlchemy or the database's driver is not installed, the database cannot be opened, or has no
        such table or column.
    """

    def __init__(
        self,
        url: str,
        *,
        table: str = TABLE,
        sensor: str = SENSOR,
        first_run: str = FIRST_RUN,
        last_run: str = LAST_RUN,
        run: int | None = None,
    ) -> None:
        self._table, self._columns, self._run = table, (sensor, first_run, last_run), run
        self._database = Connection(url)
        self.name = f"{self._database.name}: table '{table}'"
        self._database.check_tables({table: self._columns}, self._database.name)

    def dead(self, run: int | None = None) -> NDArray[np.bool_]:
        """Determine which sensors were dead in a run; see `DeadChannelSource.dead`.

        A run that no row speaks of has no dead channels: the table cannot tell it from a healthy one.
        """
        import sqlalchemy as sql

        run = run if self._run is None else self._run
        if run is None:
            raise DataError(
                f"{self.name}: no run given; expected its number behind the URL, as in "
                f"{self._database.name}#run=12345"
            )
        schema, _, name = self._table.rpartition(".")
        columns: list[sql.ColumnClause[Any]] = [sql.column(name) for name in self._columns]
        sensor, first, last = columns
        query = (
            sql.select(sensor)
            .distinct()
            .select_from(sql.table(name, schema=schema or None))
            .where(sql.or_(first.is_(None), first <= run), sql.or_(last.is_(None), last >= run))
        )
        dead = np.zeros(N_SENSORS, dtype=np.bool_)
        for (value,) in self._database.rows(query, self.name)[1]:
            dead[sensor_of(value, f"{self.name}, column '{self._columns[0]}', run {run}")] = True
        return dead


def open_database(text: str) -> DatabaseDeadChannels:
    """Open a database of dead channels by its URL.

    Parameters
    ----------
    text
        ``URL`` or ``URL#run=12345``; behind the ``#``, joined by ``&``: the number of the run, and the names
        of the table and its columns where they are not the usual ones (`table`, `sensor`, `first_run`,
        `last_run`).

    Raises
    ------
    DataError
        If an option is unknown, and as `DatabaseDeadChannels`.
    """
    url, _, fragment = text.partition("#")
    if "@" in fragment:
        raise DataError("the URL of a database has a # before its @; expected %23 for # in a password")
    return DatabaseDeadChannels(url, **parse_options(fragment, _OPTIONS))


def parse_options(fragment: str, known: Sequence[str]) -> dict[str, Any]:
    """Parse what stands behind the ``#`` of a source: ``name=value``, joined by ``&``.

    Parameters
    ----------
    fragment
        The text.
    known
        Names of options. `run` is a number, the others are text.

    Raises
    ------
    DataError
        If an option is unknown, or `run` no number.
    """
    options: dict[str, Any] = {}
    # The URL itself may hold a password, which is nobody's business.
    for key, value in parse_qsl(fragment, keep_blank_values=True):
        if key not in known:
            hint = did_you_mean(key, known)
            raise DataError(f"unknown option #{key} of a database{hint}; expected {', '.join(known)}")
        options[key] = value
    if "run" in options:
        run = options["run"]
        if not (run.isascii() and run.isdigit() and len(run) <= _MOST_DIGITS):
            raise DataError(f"found #run={shortened(run)}; expected a number, as in #run=12345")
        options["run"] = int(options["run"])
    return options
