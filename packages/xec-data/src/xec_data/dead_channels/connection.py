"""Connection to a database: asked, left at once, and told about in one line without what is secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from xec_data.dead_channels.passwords import is_password
from xec_data.errors import DataError
from xec_data.reading.file_paths import missing_file
from xec_data.reading.root_files import one_line
from xec_geometry.errors import did_you_mean

if TYPE_CHECKING:
    import sqlalchemy as sql
    from sqlalchemy.engine import URL, Engine

Row = Sequence[Any]
_T = TypeVar("_T")

_MYSQL = ("mysql", "mariadb")
_EXPECTED = (
    "expected one such as sqlite:///dead.db (sqlite:////folder/dead.db from the root) or "
    "mysql://reader:password@host/conditions, with %40 for @ in a password"
)
_UNREACHED = {
    1040: "the server has too many connections",
    1044: "the server refuses the database to this user",
    1045: "the server refuses user or password",
    1049: "the server has no such database",
    1129: "the server has blocked this machine after too many errors",
    1130: "the server takes no connections from this machine",
    1698: "the server refuses user or password",
    2002: "no server answers",
    2003: "no server answers",
    2005: "there is no such host",
}
"""What MySQL and MariaDB mean by the numbers of their errors on the way to a database."""


class Connection:
    """A database that is connected to for each question.

    Parameters
    ----------
    url
        As SQLAlchemy writes it. ``mysql://`` and ``mariadb://`` mean the driver PyMySQL, unless mysqlclient
        is installed.
    secret_of
        Where the URL comes from, if messages must not show it; ``the variable XEC_DATABASE``, for instance.

    Attributes
    ----------
    name : str
        What messages call the database: the URL without its password, or `secret_of`.

    Raises
    ------
    DataError
        If SQLAlchemy or the driver is not installed, the URL is none, or a file does not exist.
    """

    def __init__(self, url: str, secret_of: str | None = None) -> None:
        parsed = _parse(url, secret_of)
        self.name = secret_of or _shown(parsed)
        self._secret = secret_of is not None
        address = (parsed.host, parsed.username, parsed.database) if self._secret else ()
        in_query = [value for key, value in parsed.query.items() if is_password(key)]
        self._hidden = (parsed.password, *in_query, *address)
        self._engine = self._open(parsed)

    def check_tables(self, tables: Mapping[str, Sequence[str]], name: str) -> None:
        """Check that tables or views have some columns.

        Parameters
        ----------
        tables
            Columns by table, which is ``schema.table`` if it stands in a schema.
        name
            What messages call the place, before the table.

        Raises
        ------
        DataError
            If one does not exist or lacks a column, with the nearest names; or as `rows`.
        """

        def look(connection: sql.Connection) -> None:
            import sqlalchemy as sql

            inspector = sql.inspect(connection)
            for table, columns in tables.items():
                schema, _, short = table.rpartition(".")
                there = [
                    *inspector.get_table_names(schema or None),
                    *inspector.get_view_names(schema or None),
                ]
                if short not in there:
                    listed = f"; it has {', '.join(there)}" if there else "; it has none"
                    hint = did_you_mean(short, there)
                    raise DataError(f"{name}: table '{table}' does not exist{hint}{listed}")
                found = [column["name"] for column in inspector.get_columns(short, schema or None)]
                lacking = next((column for column in columns if column not in found), None)
                if lacking is not None:
                    raise DataError(
                        f"{name}: table '{table}' has no column '{lacking}'{did_you_mean(lacking, found)}; "
                        f"it has {', '.join(found)}"
                    )

        self._connected(look, name)

    def rows(
        self, query: sql.Executable, name: str, values: dict[str, Any] | None = None
    ) -> tuple[list[str], list[Row]]:
        """Return the names of the columns and the rows that a query gives.

        Parameters
        ----------
        query
            The query.
        name
            What messages call it.
        values
            Of its parameters.

        Raises
        ------
        DataError
            If the database cannot be reached, or refuses the query.
        """

        def ask(connection: sql.Connection) -> tuple[list[str], list[Row]]:
            result = connection.execute(query, values or {})
            return list(result.keys()), [tuple(row) for row in result]

        return self._connected(ask, name)

    def _connected(self, use: Callable[[sql.Connection], _T], name: str) -> _T:
        import sqlalchemy as sql

        reached = False
        try:
            with self._engine.connect() as connection:
                reached = True
                return use(connection)
        except sql.exc.SQLAlchemyError as error:
            problem = self._reason(error, reached=reached)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            # Drivers raise these themselves, about what they were given and what they lack.
            problem = self._without_secrets(one_line(error))
        finally:
            # No connection stays open, so that none is carried into other processes.
            self._engine.dispose()
        # Not in the blocks above: the error of the driver would be told with this one, and may hold secrets.
        raise DataError(f"{name} cannot be read: {problem}")

    def _open(self, url: URL) -> Engine:
        import sqlalchemy as sql

        self._check_file(url)
        try:
            # Without a pool a connection is closed when it has been used, not when it is forgotten.
            return sql.create_engine(url, poolclass=sql.NullPool)
        except ModuleNotFoundError as error:
            brings = "; pip install 'xec-data[mysql]' brings it"
            remedy = brings if url.get_backend_name() in _MYSQL else ""
            problem = f"its driver '{error.name}' is not installed{remedy}"
        except sql.exc.NoSuchModuleError:
            problem = f"there is no kind of database '{url.get_backend_name()}'; {_EXPECTED}"
        except sql.exc.ArgumentError:
            problem = f"its URL is none of {url.get_backend_name()}; {_EXPECTED}"
        except (sql.exc.SQLAlchemyError, ImportError, TypeError, ValueError) as error:
            problem = self._without_secrets(one_line(error))
        raise DataError(f"{self.name} cannot be opened: {problem}")

    def _check_file(self, url: URL) -> None:
        """Refuse a file that does not exist: SQLite would create it, empty."""
        name = url.database or ":memory:"
        if url.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
            return
        if Path(name).is_file():
            return
        if self._secret:
            raise DataError(f"{self.name} cannot be opened: no such file as its URL names")
        raise missing_file(Path(name))

    def _reason(self, error: Exception, *, reached: bool) -> str:
        """Return the cause of an error, without the statement and the link that SQLAlchemy adds."""
        cause = getattr(error, "orig", None) or error
        number, text = (*cause.args, None, None)[:2]
        if not isinstance(number, int):
            number, text = None, one_line(cause)
        told = _UNREACHED.get(number or 0)
        if told is None and self._secret and not reached:
            # Other drivers name address and user here, each in its own way.
            told = f"no connection ({type(cause).__name__})"
        told = told or self._without_secrets(" ".join(str(text).split()))
        return told if number is None else f"{told} (error {number})"

    def _without_secrets(self, text: str) -> str:
        for part in filter(None, self._hidden):
            text = re.sub(rf"(?<!\w){re.escape(str(part))}(?!\w)", "…", text)
        return text


def _shown(url: URL) -> str:
    hidden = {key: "***" for key in url.query if is_password(key)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _parse(url: str, secret_of: str | None) -> URL:
    try:
        import sqlalchemy as sql
    except ImportError:
        raise DataError(
            "dead channels from a database need SQLAlchemy: pip install 'xec-data[database]'"
        ) from None
    try:
        parsed = sql.make_url(url)
    except (sql.exc.ArgumentError, ValueError):
        shown = secret_of or f"{url.partition('://')[0]}://…"
    else:
        if parsed.drivername in _MYSQL and find_spec("MySQLdb") is None:
            parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
        return parsed
    raise DataError(f"not the URL of a database: {shown}; {_EXPECTED}")
