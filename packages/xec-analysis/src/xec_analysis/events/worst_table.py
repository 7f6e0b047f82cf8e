"""The worst events of a validation, for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from xec_analysis.events.worst_events import WorstEvents
from xec_analysis.resolution.digits import three_digits


def worst_events_table(worst: WorstEvents) -> Table:
    """Return a table of the worst events: numbers, loss, and loss in each task."""
    losses = worst.losses
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "event", "loss" if losses.is_loss else "all", *losses.parts):
        table.add_column(name, justify="right")
    for one in worst.events:
        identity = [str(int(one.event.numbers[name])) for name in ("run", "event")]
        values = [losses.total[one.row], *(part[one.row] for part in losses.parts.values())]
        table.add_row(*identity, *map(three_digits, values))
    return table
