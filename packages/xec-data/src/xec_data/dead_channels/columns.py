"""Columns, joins and conditions as people write them: ``XECStatus.IsBad != 0``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from xec_data.errors import DataError

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"(?P<column>.+?)\s*(?P<sign>!=|<>|<=|>=|=|<|>)\s*(?P<value>.+)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
# Of conditions of SQL; names of columns may have blanks.
_WORDS = re.compile(r"\s(is(\s+not)?(?=\s+null)|(not\s+)?(in(?=\s*\()|like|between)|and|or)\b", re.IGNORECASE)
_EXPECTED = "expected a comparison with a number or 'text'"
_OTHER = (
    f"{_EXPECTED} ({' '.join(_COMPARISONS)}), or a column alone (not 0); the key 'query' takes any SQL, such "
    "as SELECT sensor, CASE WHEN x IS NULL THEN 0 ELSE 1 END AS bad …"
)
_MOST_BYTES = 8


class Column(NamedTuple):
    """A column: of a table (``schema.table`` in a schema), or of what a query gives (then it has none)."""

    table: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Column:
        """Read ``table.column`` or ``column``."""
        table, _, name = text.strip().rpartition(".")
        if not name or text.strip().startswith("."):
            raise ValueError(f"found {text!r}, expected a column such as XECStatus.IsBad")
        return cls(table, name)

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name


class Join(NamedTuple):
    """Two columns that are equal, of two tables."""

    left: Column
    right: Column

    @classmethod
    def parse(cls, text: str) -> Join:
        """Read ``table.column = table.column``."""
        left, sign, right = text.partition("=")
        if not sign or "=" in right:
            raise ValueError(f"found {text!r}, expected two columns such as RunCatalog.conf = XECConf.id")
        return cls(Column.parse(left), Column.parse(right))

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


class Condition(NamedTuple):
    """What makes a sensor bad: a comparison of a column with a number or a text."""

    column: Column
    sign: str
    value: Decimal | str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read ``column sign value``; a column alone means that it is not zero."""
        match = _CONDITION.fullmatch(text.strip())
        sql = _WORDS.search(text if match is None else match["column"])
        if sql is not None:
            raise ValueError(f"found {text!r}; '{sql[0].strip()}' is none of its signs; {_OTHER}")
        if match is None:
            return cls(Column.parse(text), "!=", Decimal(0))
        column, value = Column.parse(match["column"]), match["value"]
        if _NUMBER.fullmatch(value):
            return cls(column, match["sign"], Decimal(value))
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            return cls(column, match["sign"], value[1:-1])
        raise ValueError(f"found {text!r}, {_EXPECTED}")

    def holds(self, value: Any, where: str) -> bool:
        """Whether it holds for a value of the database; `where` is its place, for the message.

        Raises
        ------
        DataError
            If the value is NULL, or cannot be compared.
        """
        wanted = "a text" if isinstance(self.value, str) else "a number"
        found = value
        if isinstance(value, bytes) and len(value) <= _MOST_BYTES and not isinstance(self.value, str):
            # A column of bits.
            found = int.from_bytes(value, "big")
        suits = isinstance(found, str) if isinstance(self.value, str) else _is_number(found)
        if not suits:
            shown = "NULL" if value is None else repr(value)
            raise DataError(f"{where}: {self.column} is {shown}; expected {wanted}, for {self}")
        # 0.1 of a column of floats is 0.1 of the text, although not to the last digit.
        other = float(self.value) if isinstance(found, float) else self.value
        return _COMPARISONS[self.sign](found, other)

    def __str__(self) -> str:
        value = repr(self.value) if isinstance(self.value, str) else str(self.value)
        return f"{self.column} {self.sign} {value}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and value == value
