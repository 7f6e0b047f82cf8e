"""``hatch run bench-recipes``: what makes a training learn fast.

Every recipe is the preset for laptops with one change, trained for the same time on the same showers.
The widths of the validation are drawn against the time of the training, and written as a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Annotated

import matplotlib.pyplot as plt
import typer

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.benchmark.commands import PLAIN_RUN
from xec_analysis.studies.benchmark.sets import TASKS_MEASURED
from xec_analysis.studies.steps import Step, run_step, simulation_step
from xec_geometry.support.output import atomic_output, make_folder
from xec_geometry.support.registry import Registry
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.tracking.metrics_file import read_metrics

CONFIG = "laptop.yaml"
VALIDATION_EVENTS = 2000


@dataclass(frozen=True)
class Recipe:
    """A change of the preset.

    Attributes
    ----------
    name
        A few words.
    settings
        ``key=value`` for `xec train`.
    """

    name: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quantity:
    """A width of the validation: its metric, name, unit, and the factor to that unit."""

    metric: str
    name: str
    unit: str
    factor: float


RECIPES = Registry(
    "recipe",
    (
        Recipe("preset laptop"),
        Recipe("no window", ("model.window=null",)),
        Recipe("no anchor", ("model.anchor=none", "model.window=null")),
        Recipe("no mirror", ("training.mirror=false",)),
        Recipe(
            "whole faces", ("model.inner_pool=null", "model.side_pool=null", "model.outer_fine_pool=[3,3]")
        ),
        Recipe("adamw", ("training.optimizer=adamw",)),
        Recipe("batch 128", ("data.batch_size=128", "training.lr=2e-3")),
        Recipe("batch 512", ("data.batch_size=512", "training.lr=4e-3")),
        Recipe("lr 1.5e-3", ("training.lr=1.5e-3",)),
        Recipe("lr 6e-3", ("training.lr=6e-3",)),
        Recipe("cosine", ("training.scheduler=cosine", "training.warmup_epochs=0.3")),
        Recipe(
            "schedulefree",
            ("training.optimizer=schedulefree", "training.scheduler=none", "training.warmup_epochs=0.3"),
        ),
        Recipe("prodigy", ("training.optimizer=prodigy", "training.lr=1", "training.scheduler=cosine")),
        Recipe(
            "gaussian_nll",
            tuple(f"tasks.{task}.loss_fn=gaussian_nll" for task in TASKS_MEASURED),
        ),
        Recipe("dropout as without anchor", ("model.dropout=null",)),
        Recipe("wider window", ("model.window_width=64",)),
        Recipe("deeper window", ("model.window_depth=2",)),
        Recipe("anscombe", ("normalization.npho_scheme=anscombe",)),
    ),
    error=AnalysisError,
)

QUANTITIES = (
    Quantity("energy_res_68pct", "energy", "MeV", 1e3),
    Quantity("timing_res_68pct", "time", "ps", 1e12),
    Quantity("uvw_u_res_68pct", "u", "mm", 10.0),
    Quantity("uvw_v_res_68pct", "v", "mm", 10.0),
    Quantity("uvw_w_res_68pct", "w", "mm", 10.0),
)

Curve = list[tuple[float, dict[str, float]]]
"""Minutes since the start of the training, and all metrics of the validation then."""


def main(
    folder: Annotated[Path, typer.Argument(help="For events, trainings and results.")] = Path("recipes"),
    minutes: Annotated[float, typer.Option(help="Time of each training.")] = 5.0,
    events: Annotated[int, typer.Option(help="Events to train on.")] = 20_000,
    only: Annotated[str | None, typer.Option(help="Names of recipes, separated by commas.")] = None,
) -> None:
    """Train every recipe for the same time, and draw its resolution against the time."""
    chosen = [RECIPES.get_named(name, "--only: ") for name in (only.split(",") if only else RECIPES)]
    make_folder(folder)
    for step in (
        simulation_step(f"train-{events}.root", events, 1, "events to train on"),
        simulation_step("val.root", VALIDATION_EVENTS, 2, "events to validate on"),
        Step("configuration", "", "", ("config", "new", "--preset", "laptop", "-o", CONFIG), (CONFIG,)),
    ):
        if not (folder / step.makes[0]).exists():
            run_step(step, folder, "study")
    curves: dict[str, Curve] = {}
    for recipe in chosen:
        # Results of another time or another number of events are not those that are asked for.
        name = f"{recipe.name}-{minutes:g}-min-{events}-events".replace(" ", "-")
        run = RunDirectory(folder / "artifacts" / name)
        finished = run.path / "finished"
        if not finished.exists():
            typer.echo(f"{recipe.name}: {minutes:g} min")
            limit = f"training.max_minutes={minutes:g}"
            names = (f"mlflow.run_name={run.name}", f"data.train_path=train-{events}.root", limit)
            words = ("train", CONFIG, "--tasks", *TASKS_MEASURED, *names, *PLAIN_RUN, *recipe.settings)
            run_step(Step(recipe.name, "", "", words), folder, "study")
            # A training that was interrupted has metrics, too.
            finished.touch()
        curves[recipe.name] = list(_curve(run.metrics))
    draw(curves, folder / "recipes.png")
    with atomic_output(folder / "recipes.md") as temporary:
        temporary.write_text(table(curves, minutes, events), encoding="utf-8")
    typer.echo(f"wrote {folder / 'recipes.png'} and {folder / 'recipes.md'}")


def _curve(path: Path) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield the validations of a run: minutes since its first line, metrics by name."""
    rows = read_metrics(path)
    start = datetime.fromisoformat(rows[0]["timestamp"])
    wanted = {quantity.metric for quantity in QUANTITIES}
    epochs: dict[str, dict[str, float]] = {}
    ends: dict[str, datetime] = {}
    for row in rows:
        if row["metric"] in wanted:
            epochs.setdefault(row["epoch"], {})[row["metric"]] = float(row["value"])
            ends[row["epoch"]] = datetime.fromisoformat(row["timestamp"])
    for epoch, metrics in epochs.items():
        yield (ends[epoch] - start).total_seconds() / 60, metrics


# Of a panel, in units of the median of the recipes' last values.
_HIGHEST = 1.25


def draw(curves: dict[str, Curve], path: Path) -> None:
    """Draw the widths of every recipe against the time, one panel a quantity."""
    figure, axes = plt.subplots(2, 3, figsize=(15, 9), layout="constrained")
    panels = list(axes.flat)
    for panel, quantity in zip(panels, QUANTITIES, strict=False):
        for number, (name, curve) in enumerate(curves.items()):
            points = [(t, quantity.factor * m[quantity.metric]) for t, m in curve if quantity.metric in m]
            style = {"color": "black", "lw": 2.5, "zorder": 5} if not number else {"lw": 1.2}
            style |= {"ls": ("-", "--", ":")[number // 10 % 3]}
            panel.plot(*zip(*points, strict=True), marker=".", label=name, **style)
        panel.set(xlabel="training, min", ylabel=f"68 % width of {quantity.name}, {quantity.unit}")
        # A recipe that is far off would hide the differences of all others.
        ends = [quantity.factor * curve[-1][1][quantity.metric] for curve in curves.values()]
        panel.set_ylim(0.97 * min(ends), _HIGHEST * median(ends))
        panel.grid(alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    panels[-1].axis("off")
    title = "curves above a panel are left out there"
    panels[-1].legend(handles, labels, loc="center", frameon=False, title=title)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def table(curves: dict[str, Curve], minutes: float, events: int) -> str:
    """Write the widths at the end of every recipe as a table in markdown."""
    heads = [f"{quantity.name}, {quantity.unit}" for quantity in QUANTITIES]
    where = f"{VALIDATION_EVENTS} validation events after {minutes:g} min of training on {events} showers"
    lines = [
        f"68 % widths over {where}:",
        "",
        f"| recipe | {' | '.join(heads)} | epochs |",
        f"|---|{'---|' * (len(heads) + 1)}",
    ]
    for name, curve in curves.items():
        _, last = curve[-1]
        cells = [f"{quantity.factor * last[quantity.metric]:.3g}" for quantity in QUANTITIES]
        lines.append(f"| {name} | {' | '.join(cells)} | {len(curve)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
