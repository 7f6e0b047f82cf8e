"""Configuration values that name an entry of a table, and descriptions that come from one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from xec_geometry.errors import did_you_mean


@dataclass(frozen=True)
class Remark:
    """Annotation of a field: a line for people that a table gives when it is wanted, not on import.

    Attributes
    ----------
    text
        Gives the line; it follows the field's description.
    """

    text: Callable[[], str]


@dataclass(frozen=True)
class OneOf:
    """Annotation of a text field: the value is one of the names of a table.

    ``loss_fn: Annotated[str, OneOf("loss", lambda: LOSSES)]``. The table is read when a value is checked, so
    that an entry that was added later counts.

    Attributes
    ----------
    noun
        What the table holds, for messages.
    table
        Gives the table, or any mapping or sequence of names.
    """

    noun: str
    table: Callable[[], Mapping[str, Any] | tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The valid names, in the order of the table."""
        return tuple(self.table())

    def in_words(self) -> tuple[str, ...]:
        """Every name with what its entry says in one line, ``linear (x/s₁)``; empty if none says anything."""
        table = self.table()
        if not isinstance(table, Mapping):
            return ()
        lines = {name: getattr(entry, "summary", "") for name, entry in table.items()}
        return tuple(f"{name} ({line})" if line else name for name, line in lines.items())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.names)}

    def _check(self, value: Any) -> Any:
        names = self.names
        if value not in names:
            message = f"unknown {self.noun} '{value}'{did_you_mean(str(value), names)}; "
            raise PydanticCustomError(
                "one_of", "{message}", {"message": f"{message}expected one of {', '.join(names)}"}
            )
        return value
