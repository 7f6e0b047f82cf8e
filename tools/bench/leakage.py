"""``hatch run bench-leakage PREDICTIONS.root``: how much of the energy's tail has leaked out of the xenon."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.benchmark.sets import SHOWERS
from xec_data import SimulationConfig, read_columns
from xec_data.simulation.generator import EventGenerator, n_blocks
from xec_data.simulation.pile_up import draw_photons
from xec_data.simulation.streams import BLOCK_SIZE
from xec_models.regressor.metrics import half_width_68

Floats = NDArray[np.float64]

LEAKED = (0.0, 1e-9, 0.005, 0.02, 0.05, 0.15, 1.0)
"""Edges of the bins: parts of the energy that leaked out."""


def main(
    predictions: Annotated[
        Path, typer.Argument(help="Predictions of 'xec benchmark' for the set 'showers'.")
    ],
) -> None:
    """Compare the residuals of the energy with what leaked out of the xenon in each event."""
    columns = read_columns(predictions, ["event", "energyTruth", "pred_energy"])
    event = columns["event"].astype(np.int64)
    low, high = (float(text) for text in SHOWERS.energy.split(":"))
    config = SimulationConfig(seed=SHOWERS.seeds[2], energy=(low, high), shower=True)
    generator, numbers = EventGenerator(config), range(n_blocks(int(event.max()) + 1))
    truth = columns["energyTruth"].astype(np.float64)
    drawn = [draw_photons(config, number, BLOCK_SIZE).brightest()[0].energy for number in numbers]
    if not np.allclose(np.concatenate(drawn)[event], truth, rtol=1e-5):
        raise AnalysisError(f"{predictions}: not the events of the set '{SHOWERS.name}'")
    leaked = 1.0 - np.concatenate([generator.contained(number) for number in numbers])[event]
    residual = 100.0 * (columns["pred_energy"] / truth - 1.0)
    if not np.isfinite(residual).all():
        raise AnalysisError(f"{predictions}: events without a prediction of the energy")
    Console(soft_wrap=True, highlight=False).print(_table(leaked, residual))


def _table(leaked: Floats, residual: Floats) -> Table:
    table = Table(title="Residuals of the energy by what leaked out", title_justify="left")
    columns = ("leaked [%]", "events", "68 % width [%]", "RMS [%]", "median [%]", "part of the variance [%]")
    for column in columns:
        table.add_column(column, justify="right")
    square = residual**2
    for low, high in (*pairwise(LEAKED), (LEAKED[0], LEAKED[-1])):
        chosen = (leaked >= low) & (leaked < high if high < 1 else leaked <= high)
        if chosen.sum() < 2:
            continue
        name = "none" if high == LEAKED[1] else f"{100 * low:g} to {100 * high:g}"
        table.add_row(
            "all" if chosen.all() else name,
            str(chosen.sum()),
            f"{half_width_68(residual[chosen]):.2f}",
            f"{residual[chosen].std():.2f}",
            f"{np.median(residual[chosen]):+.2f}",
            f"{100 * square[chosen].sum() / square.sum():.0f}",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
