"""Dead channels from a table of a database, by run number (the extra ``database``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from xec_data.errors import DataError
from xec_data.reading.file_paths import missing_file
from xec_data.reading.root_files import one_line
from xec_geometry import N_SENSORS
from xec_geometry.errors import did_you_mean

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine

TABLE = "dead_channels"
SENSOR, FIRST_RUN, LAST_RUN = "sensor", "first_run", "last_run"


# Of numbers that databases take.
_MOST_DIGITS, _SHOWN = 18, 40
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
        self._engine = _open_engine(url)
        self.name = f"{self._engine.url.render_as_string(hide_password=True)}: table '{table}'"
        self._check_table()

    def dead(self, run: int | None = None) -> NDArray[np.bool_]:
        """Determine which sensors were dead in a run; see `DeadChannelSource.dead`.

        A run that no row speaks of has no dead channels: the table cannot tell it from a healthy one.
        """
        import sqlalchemy as sql

        run = run if self._run is None else self._run
        if run is None:
            raise DataError(
                f"{self.name}: no run given; expected its number behind the URL, as in #run=12345"
            )
        columns: list[sql.ColumnClause[Any]] = [sql.column(name) for name in self._columns]
        sensor, first, last = columns
        query = (
            sql.select(sensor)
            .distinct()
            .select_from(self._from())
            .where(sql.or_(first.is_(None), first <= run), sql.or_(last.is_(None), last >= run))
        )
        dead = np.zeros(N_SENSORS, dtype=np.bool_)
        for value in self._ask(query):
            dead[self._checked(value, run)] = True
        return dead

    def _check_table(self) -> None:
        import sqlalchemy as sql

        schema, _, name = self._table.rpartition(".")
        try:
            inspector = sql.inspect(self._engine)
            tables = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
            if name not in tables:
                listed = f"; it has {', '.join(tables)}" if tables else "; it has none"
                raise DataError(f"{self.name} does not exist{did_you_mean(name, tables)}{listed}")
            columns = [column["name"] for column in inspector.get_columns(name, schema or None)]
        except sql.exc.SQLAlchemyError as error:
            raise DataError(f"{self.name} cannot be read: {_reason(error)}") from error
        for column in self._columns:
            if column not in columns:
                raise DataError(
                    f"{self.name} has no column '{column}'{did_you_mean(column, columns)}; "
                    f"it has {', '.join(columns)}"
                )

    def _from(self) -> Any:
        import sqlalchemy as sql

        schema, _, name = self._table.rpartition(".")
        return sql.table(name, schema=schema or None)

    def _ask(self, query: Any) -> list[Any]:
        import sqlalchemy as sql

        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query).scalars())
        except sql.exc.SQLAlchemyError as error:
            raise DataError(f"{self.name} cannot be read: {_reason(error)}") from error
        finally:
            # No connection stays open, so that none is carried into other processes.
            self._engine.dispose()

    def _checked(self, value: Any, run: int) -> int:
        try:
            # Some databases have decimal numbers only.
            sensor = int(value)
            fine = sensor == value and 0 <= sensor < N_SENSORS
        except (TypeError, ValueError, OverflowError):
            fine = False
        if not fine:
            raise DataError(
                f"{self.name}, column '{self._columns[0]}', run {run}: found {value!r}; "
                f"expected a sensor id from 0 to {N_SENSORS - 1}"
            )
        return sensor


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
    options: dict[str, Any] = {}
    # The URL itself may hold a password, which is nobody's business.
    for key, value in parse_qsl(fragment, keep_blank_values=True):
        if key not in _OPTIONS:
            hint = did_you_mean(key, _OPTIONS)
            raise DataError(f"unknown option #{key} of a database{hint}; expected {', '.join(_OPTIONS)}")
        options[key] = value
    if "run" in options:
        run = options["run"]
        if not (run.isascii() and run.isdigit() and len(run) <= _MOST_DIGITS):
            shown = run if len(run) <= _SHOWN else f"{run[:_SHOWN]}…"
            raise DataError(f"found #run={shown}; expected a number, as in #run=12345")
        options["run"] = int(options["run"])
    return DatabaseDeadChannels(url, **options)


def _open_engine(url: str) -> Engine:
    try:
        import sqlalchemy as sql
    except ImportError:
        raise DataError(
            "dead channels from a database need SQLAlchemy: pip install 'xec-data[database]'"
        ) from None
    try:
        parsed = sql.make_url(url)
    except (sql.exc.ArgumentError, ValueError) as error:
        raise DataError(
            f"not the URL of a database: {url.rpartition('@')[2]}; expected one such as sqlite:///dead.db"
        ) from error
    _check_file(parsed)
    try:
        # Without a pool a connection is closed when it has been used, not when it is forgotten.
        return sql.create_engine(parsed, poolclass=sql.NullPool)
    except (sql.exc.SQLAlchemyError, ImportError) as error:
        what = parsed.render_as_string(hide_password=True)
        raise DataError(f"{what} cannot be opened: {_reason(error)}") from error


def _check_file(url: URL) -> None:
    """Refuse a file that does not exist: SQLite would create it, empty."""
    from pathlib import Path

    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
        return
    path = Path(name)
    if not path.is_file():
        raise missing_file(path)


def _reason(error: BaseException) -> str:
    """Return the cause of an error, without the statement and the link that SQLAlchemy adds."""
    return one_line(getattr(error, "orig", None) or error)
