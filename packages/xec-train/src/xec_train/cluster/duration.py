"""Time limits as SLURM writes them."""

from __future__ import annotations

import math
import re

_FORMS = (
    r"(?P<minutes>\d+)",
    r"(?P<minutes>\d+):(?P<seconds>\d+)",
    r"(?P<hours>\d+):(?P<minutes>\d+):(?P<seconds>\d+)",
    r"(?P<days>\d+)-(?P<hours>\d+)(:(?P<minutes>\d+)(:(?P<seconds>\d+))?)?",
)
_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def minutes_of(text: str | int) -> int:
    """Return the minutes of a time limit, rounded up.

    Parameters
    ----------
    text
        ``90``, ``90:00``, ``12:00:00``, ``2-0`` or ``2-12:00:00``: minutes, minutes:seconds,
        hours:minutes:seconds, days-hours, days-hours:minutes:seconds.

    Raises
    ------
    ValueError
        If it is none of these, or no time at all.
    """
    for form in _FORMS:
        if found := re.fullmatch(form, str(text).strip()):
            parts = found.groupdict()
            seconds = sum(size * int(parts.get(name) or 0) for name, size in _SECONDS.items())
            if seconds > 0:
                return math.ceil(seconds / 60)
    raise ValueError(f"found {text!r}, expected a time such as 12:00:00, 2-00:00:00 or 90 (minutes)")


def in_words(minutes: int) -> str:
    """Write minutes as SLURM does: ``12:00:00``, ``2-00:00:00``."""
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock
