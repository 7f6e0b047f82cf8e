"""Helpers for messages."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type if it says nothing.

    Errors of libraries may go on with advice and addresses that a message of one line has no room for.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]
