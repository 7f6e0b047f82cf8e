"""``hatch run bench-files``: reading rates by compression and cluster size."""

from __future__ import annotations

import itertools
import statistics
from functools import partial

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tools.bench.events import BRANCHES, event_files, folder
from tools.bench.measure import alternate

from xec_data import EventReader
from xec_data.schema.branches import SCHEMA
from xec_data.writing.rewrite import rewrite_files

COMPRESSIONS: tuple[tuple[str, int | None], ...] = (("none", None), ("lz4", 4), ("zstd", 3), ("zlib", 1))
CLUSTER_MB = (1, 4, 16, 64)
EVENTS = 4000
ROUNDS = 5


def main() -> None:
    """Rewrite events in all layouts and read them, in turns."""
    (source,) = event_files("lz4", 1, EVENTS)
    per_event = sum(branch.bytes_per_event for name, branch in SCHEMA.items() if name in BRANCHES)
    runs, sizes = {}, {}
    for (compression, level), megabytes in itertools.product(COMPRESSIONS, CLUSTER_MB):
        path = folder() / f"{compression}_{megabytes}.root"
        cluster = max(1, megabytes * 10**6 // per_event)
        rewrite_files(source, path, compression=compression, level=level, cluster=cluster)
        runs[f"{compression} {megabytes}"] = partial(_read, EventReader(path, BRANCHES))
        sizes.setdefault(compression, []).append(path.stat().st_size / 1e6)
    rates = alternate(runs, ROUNDS)
    table = Table(title=f"events/s, {EVENTS} events of {per_event / 1e3:.0f} kB")
    table.add_column("compression")
    for megabytes in CLUSTER_MB:
        table.add_column(f"{megabytes} MB per cluster", justify="right")
    table.add_column(escape("size [MB]"), justify="right")
    for compression, level in COMPRESSIONS:
        found = [f"{rates.median(f'{compression} {megabytes}'):.0f}" for megabytes in CLUSTER_MB]
        name = compression if level is None else f"{compression}, level {level}"
        table.add_row(name, *found, f"{statistics.median(sizes[compression]):.0f}")
    Console().print(table)


def _read(reader: EventReader) -> int:
    return sum(map(len, reader))


if __name__ == "__main__":
    typer.run(main)
