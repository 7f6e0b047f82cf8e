"""What the readings of a training look like, and whether all its files look alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xec_data.checking.input_range import REFUSED, InputComparison, Limits, event_quantities, measure_range
from xec_train.data.events import Events
from xec_train.data.sample import sample

_EVENTS_MEASURED = 2000


def input_range(events: Events, *, absolute_times: bool) -> dict[str, Limits]:
    """Return the usual ranges of a sample of events.

    Parameters
    ----------
    events
        Those that the network learns from.
    absolute_times
        Whether the network depends on the times themselves, not only on their differences within an event.
    """
    parts = (event_quantities(part["npho"], part["time"]) for part in sample(events, _EVENTS_MEASURED))
    return measure_range(parts, absolute_times=absolute_times)


def unlike(events: Events, ranges: Mapping[str, Limits]) -> str | None:
    """Say how events differ from those that a network learns from; None if few do.

    Parameters
    ----------
    events
        Others; a sample of them is compared.
    ranges
        Result of `input_range`.
    """
    comparison = InputComparison(ranges)
    for part in sample(events, _EVENTS_MEASURED):
        comparison.add(np.asarray(part["npho"]), np.asarray(part["time"]))
    return comparison.describe() if comparison.fraction > REFUSED else None
