"""Files that a training has written into its run directory, read back."""

from __future__ import annotations

import csv

from xec_models.checkpoint.run_directory import RunDirectory


def metrics(run: RunDirectory) -> dict[str, list[float]]:
    """Metric → its values, in their order."""
    values: dict[str, list[float]] = {}
    with run.metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            values.setdefault(row["metric"], []).append(float(row["value"]))
    return values
