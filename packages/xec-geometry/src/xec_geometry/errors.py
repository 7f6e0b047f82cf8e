"""Errors that a user can cause, and suggestions for mistyped names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# Names and words in a message may hold anything: it stays one line, and tells a terminal nothing else. A list
# of problems goes on in lines that are indented.
_NOT_PRINTED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]|\n(?!  )")


_OUT_OF_MEMORY = (
    *("out of memory", "can't allocate memory", "cannot allocate memory"),
    *("unable to allocate", "bad_alloc"),
)


class XecError(Exception):
    """Something outside the code is wrong: a file, a branch, a key, a value.

    The message is one line that says what, where, expected and found. The ``xec`` command prints it
    without a traceback and exits with `exit_code`.

    Attributes
    ----------
    exit_code
        Exit code of the command; 2 unless a subclass has its own.
    """

    exit_code = 2

    def __str__(self) -> str:
        return _NOT_PRINTED.sub(lambda found: found[0].encode("unicode_escape").decode(), super().__str__())


class XecWarning(UserWarning):
    """Something that a user should know, although the work goes on; `xec` prints it in one line."""


class GeometryError(XecError):
    """A face, layout, sensor table or coordinate that the detector does not have."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of any library means that there is no memory left."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Hint at the valid names nearest to a mistyped one.

    Parameters
    ----------
    name
        What was given.
    candidates
        The names that would have been valid.

    Returns
    -------
    str
        ``" (did you mean 'npho'?)"``, or an empty string if nothing is near. Made to be appended to
        a message.
    """
    lowered = {candidate.lower(): candidate for candidate in candidates}
    near = difflib.get_close_matches(name.lower(), lowered, n=2, cutoff=0.6)
    if not near:
        return ""
    return f" (did you mean {' or '.join(repr(lowered[match]) for match in near)}?)"
