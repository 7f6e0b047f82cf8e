"""What a section of a report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Paragraph:
    """A few sentences; a note stands apart."""

    text: str
    is_note: bool = False
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    caption
        May be empty.
    head
        Names of the columns; none for a table of keys and values.
    rows
        Cells, as many as columns.
    numeric
        Whether a column is set to the right, column by column.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[bool] = ()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]
    kind: ClassVar[str] = "commands"


@dataclass(frozen=True)
class Picture:
    """A picture that was drawn.

    Attributes
    ----------
    path
        A PNG file.
    alt
        What a reader hears who does not see it.
    caption
        What its panels show and how they are read; may be empty.
    """

    path: Path
    alt: str
    caption: str = ""
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Frame:
    """A page of its own inside the report.

    Attributes
    ----------
    title
        What it shows.
    source
        Its HTML.
    """

    title: str
    source: str
    kind: ClassVar[str] = "frame"


Block = Paragraph | Table | Commands | Picture | Frame


def text_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", numeric: Sequence[bool] = ()
) -> Table:
    """Make a table of plain values."""
    cells = [[Cell("" if value is None else str(value)) for value in row] for row in rows]
    return Table(caption, head, cells, numeric)


def terminal_block(part: RenderableType) -> Block:
    """Turn what a command prints, a rich table or a line, into a block.

    Parameters
    ----------
    part
        A `rich.table.Table` or text.
    """
    from rich.table import Table as RichTable

    if not isinstance(part, RichTable):
        text = part if isinstance(part, str) else _plain(part)
        return Paragraph(text.removeprefix("note: "), is_note=text.startswith("note: "))
    columns = [list(column.cells) for column in part.columns]
    rows = [
        [Cell(_plain(cell), "bold" in _markup(cell)) for cell in row] for row in zip(*columns, strict=True)
    ]
    return Table(
        _plain(part.title or ""),
        [_plain(column.header) for column in part.columns],
        rows,
        [column.justify == "right" for column in part.columns],
    )


def _plain(cell: object) -> str:
    from rich.text import Text

    return cell.plain if isinstance(cell, Text) else Text.from_markup(str(cell)).plain


def _markup(cell: object) -> str:
    from rich.text import Text

    if isinstance(cell, Text):
        return " ".join(str(span.style) for span in cell.spans)
    return " ".join(str(span.style) for span in Text.from_markup(str(cell)).spans)
