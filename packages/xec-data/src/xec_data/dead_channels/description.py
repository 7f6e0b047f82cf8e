"""How a database knows dead channels: a YAML file with the way from a run's number to its sensors."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

from xec_data.configuration.yaml_text import read_yaml
from xec_data.dead_channels.columns import Column, Condition, Join
from xec_data.errors import DataError
from xec_data.reading.file_paths import told_if_unreadable
from xec_geometry.errors import did_you_mean
from xec_geometry.support.input import read_text

# As SQLAlchemy finds parameters.
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_BEGINNINGS = ("select", "with", "(")


def _parsed(parse: Callable[[str], Any]) -> PlainValidator:
    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"found {value!r}, expected text")
        return parse(value)

    return PlainValidator(check)


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _secret(value: Any) -> Any:
    # What stands here instead may be a URL with a password.
    if not isinstance(value, dict):
        raise ValueError(
            "expected the key 'environment' (a variable with the URL) or 'file' (a file with it), "
            "not the URL itself, which others could read"
        )
    return value


ColumnText = Annotated[Column, _parsed(Column.parse)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConnectionSource(_Model):
    """Where the URL of the database stands: exactly one of the two.

    Attributes
    ----------
    environment
        Name of an environment variable.
    file
        A file with the URL in its only line, relative to the YAML file.
    """

    environment: str | None = Field(None, min_length=1)
    file: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.environment is None) == (self.file is None):
            raise ValueError("expected one of the keys 'environment' and 'file'")
        # Without what was found: it is a URL, perhaps with a password.
        if self.environment is not None and not re.fullmatch(r"[A-Za-z_]\w*", self.environment):
            raise ValueError("'environment' is no name of a variable; expected one such as XEC_DATABASE")
        if ":/" in (self.file or ""):
            raise ValueError("'file' is a URL; expected the path of a file that holds it")
        return self

    def url(self, folder: Path) -> tuple[str, str]:
        """Return the URL, and where it comes from in words.

        Parameters
        ----------
        folder
            That of the YAML file.

        Raises
        ------
        DataError
            If the variable is not set, or the file cannot be read.
        """
        if self.environment is not None:
            where, text = f"${self.environment}", os.environ.get(self.environment, "")
            if not text:
                raise DataError(
                    f"the environment variable {self.environment} is not set; expected the URL of a database"
                )
        else:
            path = folder / Path(self.file or "").expanduser()
            where, text = str(path), _read(path)
        if len(text.split()) != 1:
            found = "nothing" if not text.strip() else "several words"
            raise DataError(f"{where}: found {found}; expected the URL of a database")
        return text.strip(), where


class DatabaseDescription(_Model):
    """How to find the bad sensors of a run.

    Attributes
    ----------
    connection
        Where the URL of the database stands.
    run
        Column with the number of the run; with `joins`.
    joins
        Columns that are equal, the first of them in the table of the run.
    query
        SQL with the parameter ``:run`` instead of `run` and `joins`.
    sensor
        Column with the sensor's id.
    bad
        Conditions of which each one makes a sensor bad.
    missing_sensors
        What a sensor means that the database does not list for the run: an ``error``, or that it is ``good``.
    """

    connection: Annotated[ConnectionSource, BeforeValidator(_secret)]
    run: ColumnText | None = None
    joins: Annotated[tuple[Annotated[Join, _parsed(Join.parse)], ...], BeforeValidator(_one_or_many)] = ()
    query: str | None = None
    sensor: ColumnText
    bad: Annotated[
        tuple[Annotated[Condition, _parsed(Condition.parse)], ...],
        BeforeValidator(_one_or_many),
        Field(min_length=1),
    ]
    missing_sensors: Literal["error", "good"] = "error"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        columns = [self.sensor, *(condition.column for condition in self.bad)]
        if self.query is not None:
            if not self.query.lstrip().lower().startswith(_BEGINNINGS):
                yield "query: found another statement, expected SELECT or WITH"
            if set(_PARAMETER.findall(self.query)) != {"run"}:
                found = ", ".join(f":{name}" for name in _PARAMETER.findall(self.query)) or "none"
                yield f"query: found the parameters {found}; expected :run, the number of the run, alone"
            if self.run is not None or self.joins:
                yield "query: found beside run and joins, expected the query or these"
            yield from (
                f"{column}: found a table, expected the name of a column that the query gives"
                for column in columns
                if column.table
            )
            return
        if self.run is None:
            yield "missing; expected the keys run and joins, or the key query"
            return
        joined = {self.run.table}
        if not self.run.table:
            yield f"run: found {str(self.run)!r}, expected a column with its table, such as RunCatalog.id"
        for join in self.joins:
            sides = {join.left.table, join.right.table}
            if "" in sides or len(sides) == 1:
                yield f"joins: found {str(join)!r}, expected columns of two tables"
            elif not sides & joined:
                yield f"joins: found {str(join)!r}, expected a column of a table before: {', '.join(joined)}"
            joined |= sides
        yield from (
            f"{column}: expected a column of a joined table: {', '.join(sorted(joined))}"
            f"{did_you_mean(column.table, joined)}"
            for column in columns
            if column.table not in joined
        )


def read_description(path: Path) -> DatabaseDescription:
    """Read a description of a database.

    Raises
    ------
    DataError
        With all its problems, if the file cannot be read or is not as it has to be.
    """
    data = read_yaml(_read(path), str(path))
    if not isinstance(data, dict):
        raise DataError(f"{path}: expected the keys {', '.join(DatabaseDescription.model_fields)}")
    try:
        return DatabaseDescription.model_validate(data)
    except ValidationError as error:
        problems = [line for item in error.errors(include_url=False) for line in _lines(dict(item))]
    # Not in the block above: its error knows the values, and one of them may be a password.
    problems = list(dict.fromkeys(problems))
    if len(problems) == 1:
        raise DataError(f"{path}: {problems[0]}")
    raise DataError("\n  ".join([f"{path}: {len(problems)} problems", *problems]))


def _lines(item: dict[str, Any]) -> Sequence[str]:
    place: Sequence[Any] = item["loc"]
    key = ".".join(str(part) for part in place if not isinstance(part, int))
    known = ConnectionSource if len(place) > 1 and place[0] == "connection" else DatabaseDescription
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        names = list(known.model_fields)
        return [f"{key}: unknown key{did_you_mean(str(place[-1]), names)}; expected {', '.join(names)}"]
    if item["type"] == "missing":
        return [f"{key}: missing"]
    return [f"{key}: {line}" if key else line for line in message.splitlines()]


def _read(path: Path) -> str:
    try:
        with told_if_unreadable(path):
            return read_text(path)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file") from None
