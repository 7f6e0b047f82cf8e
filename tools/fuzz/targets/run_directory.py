"""Run directories as plots read them: configuration, metrics and predictions."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import yaml
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import mutated_bytes, mutated_lines, mutated_values

from xec_analysis.plots.plot_sets import print_numbers
from xec_analysis.plots.source import PlotSource
from xec_analysis.runs.training_curves import draw_training_curves, panels_of, read_metrics
from xec_geometry.errors import XecError
from xec_models.checkpoint.run_directory import RunDirectory

_CONFIG = {"objective": "regression", "data": {"val_path": "nothing.root", "tree_name": "tree"}}
_DRAWN = "drawn"
_NAMES = ("train/loss", "val/loss", "learning_rate", "energy_res_68pct", "val/angle_res_68pct")
_WORDS = (*_NAMES, "1", ",", ",,,", "epoch")


class RunDirectoryTarget:
    """`PlotSource`, `read_metrics`, and now and then the picture."""

    def __init__(self, folder: Path) -> None:
        run = RunDirectory(folder / "try")
        rng = np.random.default_rng(0)
        self._metrics = "epoch,step,metric,value,timestamp\n" + "".join(
            f"{epoch},{10 * epoch},{name},{0.5 / epoch},2026-01-02T03:04:05.000+00:00\n"
            for epoch in (1, 2, 3)
            for name in _NAMES
        )
        rows = "".join(
            f"1,{i},{energy:.6f},{energy + 1e-3 * rng.normal():.6f}\n"
            for i, energy in enumerate(rng.uniform(0.01, 0.06, 20))
        )
        self._predictions = f"run,event,truth_energy,pred_energy\n{rows}"
        self._config = yaml.safe_dump(_CONFIG)
        self._names = (run.config.name, run.metrics.name, run.predictions("energy").name)

    def examples(self) -> SearchStrategy[Example]:
        """Return a run in which one file is another one; a word asks for the picture."""
        seeds = (self._config, self._metrics, self._predictions)
        whole = dict(zip(self._names, map(str.encode, seeds), strict=True))
        changed = [
            st.one_of(
                mutated_lines(text, _WORDS).map(str.encode),
                mutated_bytes(text.encode()),
            ).map(
                lambda content, name=name: {**whole, name: content}  # type: ignore[misc]
            )
            for name, text in zip(self._names, seeds, strict=True)
        ]
        config = mutated_values(_CONFIG).map(
            lambda values: {**whole, self._names[0]: json.dumps(values).encode()}
        )
        words = st.sampled_from([(), (), (), (), (), (_DRAWN,)])
        return st.builds(Example, st.one_of(*changed, config), words)

    def read(self, folder: Path, example: Example) -> None:
        """Compare the metrics with the rows of the file."""
        source = PlotSource(folder)
        run = RunDirectory(folder)
        errors = []
        for step in (
            lambda: source.contents,
            lambda: list(print_numbers(source)),
            lambda: self._curves(run, example),
        ):
            try:
                step()
            except XecError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _curves(self, run: RunDirectory, example: Example) -> None:
        curves = read_metrics(run.metrics)
        panels_of(curves)
        text = example.files[run.metrics.name].decode()
        # What stands behind the last end of a line may be cut off, or whole.
        rows = [_stated(text), _stated(text[: text.rfind("\n") + 1])]
        for name, curve in curves.items():
            points = repr(dict(zip(curve.epoch.tolist(), curve.value.tolist(), strict=True)))
            expected = [repr(stated.get(name)) for stated in rows]
            require(points in expected, f"{name} is {points} instead of {' or '.join(expected)}")
        if _DRAWN in example.words:
            draw_training_curves(run, run.path / "curves.png")


def _stated(text: str) -> dict[str, dict[float, float]]:
    stated: dict[str, dict[float, float]] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        # The part of a number that was cut off may be none.
        with suppress(ValueError):
            if row["epoch"] and row["value"]:
                stated.setdefault(row["metric"], {})[float(row["epoch"])] = float(row["value"])
    return stated
