"""A file of predictions, looked up event by event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_analysis.events.estimate import Estimate, estimate_of
from xec_analysis.events.event import Event
from xec_analysis.resolution.loading import load_columns
from xec_analysis.resolution.variants import columns_of_variant, variants_of
from xec_data.schema.branches import ID_BRANCHES, TREE_NAME
from xec_models.regressor.predictions import PREDICTED

RUN, EVENT = ID_BRANCHES

_UVW = tuple(f"{PREDICTED}{name}" for name in "uvw")


class PredictionFile:
    """The predictions in a run or file, by run and event number.

    Parameters
    ----------
    run_or_file
        As for `load_results`.
    tree_name
        Name of the tree in a ROOT file.

    Raises
    ------
    AnalysisError
        If there is no such run or file, or it has no predictions or no run and event numbers.
    """

    def __init__(self, run_or_file: Path, tree_name: str = TREE_NAME) -> None:
        loaded = load_columns(run_or_file, tree_name)
        columns = loaded.columns
        self.source = loaded.source
        lacking = [name for name in (RUN, EVENT) if name not in columns]
        if lacking:
            raise AnalysisError(
                f"{self.source}: no column '{lacking[0]}'; predictions are found by run and event number"
            )
        self._variants = {variant: columns_of_variant(columns, variant) for variant in variants_of(columns)}
        if not self._variants:
            raise AnalysisError(f"{self.source}: no predictions ({PREDICTED}…) in it")
        self._rows: dict[tuple[int, int], list[int]] = {}
        numbers = (np.asarray(columns[name]).astype(np.int64).tolist() for name in (RUN, EVENT))
        for row, key in enumerate(zip(*numbers, strict=True)):
            self._rows.setdefault(key, []).append(row)

    def of(self, event: Event) -> list[Estimate]:
        """Return the predictions of an event, one for each way in which dead channels were treated.

        Raises
        ------
        AnalysisError
            If the event has no numbers, or not exactly one row has them.
        """
        if RUN not in event.numbers or EVENT not in event.numbers:
            raise AnalysisError(
                f"{event.path}: no run and event numbers, by which predictions in {self.source} are found"
            )
        key = (int(event.numbers[RUN]), int(event.numbers[EVENT]))
        rows = self._rows.get(key, [])
        if len(rows) != 1:
            what = "no row is" if not rows else f"{len(rows)} rows are"
            raise AnalysisError(
                f"{self.source}: {what} event {key[1]} of run {key[0]} "
                f"(entry {event.entry} of {event.path}); expected one"
            )
        estimates = [self._estimate(variant, rows[0]) for variant in self._variants]
        return [estimate for estimate in estimates if estimate.is_known]

    def _estimate(self, variant: str, row: int) -> Estimate:
        columns = self._variants[variant]
        numbers: dict[str, Any] = {
            name: values[row] for name, values in columns.items() if name.startswith(PREDICTED)
        }
        return estimate_of(
            "predicted",
            numbers,
            energy=f"{PREDICTED}energy",
            time=f"{PREDICTED}timing",
            uvw=_UVW,
            variant=variant.replace("_", " "),
        )
