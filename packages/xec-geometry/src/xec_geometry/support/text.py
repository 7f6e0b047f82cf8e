"""Lines of messages, and of files that people write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xec_geometry.support.input import read_text


def text_lines(path: Path) -> list[str]:
    """Return the lines of a text file in UTF-8, without a byte-order mark.

    Only ends of lines end a line: `str.splitlines` would also end one, and with it a comment, at characters
    such as U+2028.

    Raises
    ------
    InputError, OSError, UnicodeDecodeError
        If the file cannot be read, or is no text.
    """
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def shortened(text: str, most: int = 40) -> str:
    """Return the beginning of a text of others, with … where it goes on: messages stay short."""
    return text if len(text) <= most else f"{text[:most]}…"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type if it says nothing.

    Errors of libraries may go on with advice and addresses that a message of one line has no room for.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Return names of files or folders that differ: the ends of their paths, no longer than that needs."""
    parts = [path.resolve().parts for path in paths]
    names = []
    for own in parts:
        length = 1
        while length < len(own) and sum(other[-length:] == own[-length:] for other in parts) > 1:
            length += 1
        names.append("/".join(own[-length:]))
    return names
