"""``hatch run bench-forms``: which form of the network is best at equal training time.

Every form is the preset for laptops with one change, trained for the same time on the same showers, and
measured on the same others.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from tools.bench.resolution.content import Machine
from tools.bench.resolution.networks import LAPTOP, Network
from tools.bench.resolution.study import Residuals, Study, Trained, new_console
from tools.bench.resolution.widths import width_of

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.paired_widths import mean_width_ratio
from xec_analysis.resolution.statistics import Number
from xec_analysis.runs.training_curves import read_metrics
from xec_analysis.studies.benchmark.sets import EventCounts
from xec_analysis.studies.benchmark.tables import Grid
from xec_geometry.cli.boundary import boundary
from xec_geometry.support.output import atomic_output, make_folder
from xec_geometry.support.registry import Registry
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.reading import read_checkpoint
from xec_train.config.loading import load_config
from xec_train.errors import ConfigError


@dataclass(frozen=True)
class Form:
    """A change of the preset: a few words, and ``key=value`` for `xec train`."""

    name: str
    settings: tuple[str, ...] = ()

    @property
    def network(self) -> Network:
        """The network of this form."""
        return Network(self.name.replace(" ", "-"), self.name, LAPTOP, self.settings)


def _one_key(key: str, *values: int | str) -> Iterator[Form]:
    for value in values:
        yield Form(f"{key} {value}", (f"model.{key}={value}",))


_FINER = ("model.inner_pool=[3,4]", "model.side_pool=[4,1]", "model.outer_fine_pool=[3,3]")

FORMS = Registry(
    "form",
    (
        Form("preset laptop"),
        # How much trainings differ by chance.
        Form("another seed", ("training.seed=1",)),
        *_one_key("hidden_dim", 64, 128, 512),
        *_one_key("hex_width", 4, 16, 32, 48, 96),
        *_one_key("hex_depth", 2, 4),
        *_one_key("encoder_dim", 96, 128, 256),
        *_one_key("num_fusion_layers", 1, 3),
        *_one_key("window_width", 16, 48, 64),
        *_one_key("window_depth", 2),
        Form("finer faces", _FINER),
        # It needs more cells than the poolings of the preset leave.
        Form("patch stem", ("model.stem=patch", "model.inner_pool=[3,11]", "model.side_pool=[4,1]")),
        Form("patch stem on finer faces", ("model.stem=patch", *_FINER)),
    ),
    error=AnalysisError,
)
"""The forms; all are compared with the first of those that are trained."""

NOTE = (
    "Mean: the geometric mean of the widths of all outputs over those of the first form, with the "
    "statistical error on the same events; how much trainings differ by chance is not in it, and "
    "'another seed' shows it."
)


@dataclass(frozen=True)
class Result:
    """What a form is and reaches.

    Attributes
    ----------
    name
        The form.
    parameters
        Number of its parameters.
    events_per_second
        Events that it learns from a second, validations apart.
    epochs
        Passes over the training events.
    widths
        Quantity with unit → its 68 % width.
    mean
        Geometric mean of the widths of the outputs over those of the first form.
    """

    name: str
    parameters: int
    events_per_second: float
    epochs: float
    widths: dict[str, Number]
    mean: Number


def main(
    minutes: Annotated[float, typer.Option(min=0.01, help="Time of each training.")] = 5.0,
    events: Annotated[
        str, typer.Option(metavar="TRAIN:VAL:TEST", help="Numbers of events.")
    ] = "60000:2000:5000",
    only: Annotated[str | None, typer.Option(help="Names of forms, separated by commas.")] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER/NAME", help="For .md and .json.")
    ] = Path("forms/forms"),
) -> None:
    """Train every form for the same time, and compare their 68 % widths.

    What is finished in the folder of an earlier run with the same options is not done again.
    """
    chosen = [FORMS.get_named(name, "--only: ") for name in (only.split(",") if only else FORMS)]
    counts, console = EventCounts.parse(events), new_console()
    study = Study(make_folder(output.parent), counts, minutes, console)
    config = study.folder / study.configuration(LAPTOP).step.makes[0]
    results: list[Result] = []
    first: Residuals = {}
    for form in accepted(chosen, config, console):
        trained = study.train(form.network)
        residuals = trained.final()
        first = first or residuals
        results.append(result_of(form, trained, residuals, first))
    words = ["hatch", "run", "bench-forms", "--minutes", f"{minutes:g}", "--events", events]
    words += ["--only", only] if only else []
    grid, machine, command = table(results), Machine.here(), shlex.join(words)
    console.print(grid.rich())
    for line in (NOTE, str(machine)):
        console.print(line, soft_wrap=True, markup=False)
    content = {
        "command": command,
        "machine": asdict(machine),
        "forms": [asdict(result) for result in results],
    }
    where = f"`{command}`: {minutes:g} min of training each; {counts.test} test events; {machine}."
    for suffix, text in (
        ("json", json.dumps(content, indent=1)),
        ("md", f"{where}\n\n{NOTE}\n\n{grid.markdown()}"),
    ):
        path = output.with_name(f"{output.name}.{suffix}")
        with atomic_output(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        console.print(f"{path}", soft_wrap=True, markup=False)


def accepted(forms: Sequence[Form], config: Path, console: Console) -> list[Form]:
    """Return the forms that the configuration has; of the others its refusal is told."""
    known = []
    for form in forms:
        try:
            load_config(config, (*form.settings, "data.train_path=train.root", "data.val_path=val.root"))
        except ConfigError as error:
            console.print(f"{form.name}: left out: {error}", soft_wrap=True, markup=False)
        else:
            known.append(form)
    return known


def result_of(form: Form, trained: Trained, residuals: Residuals, first: Residuals) -> Result:
    """Measure a form; `first` are the residuals of the first one."""
    network = load_model(trained.run.checkpoint_best)
    training = read_checkpoint(trained.run.checkpoint_last).training
    assert training is not None
    return Result(
        form.name,
        sum(parameter.numel() for parameter in network.parameters()),
        float(np.median(read_metrics(trained.run.metrics)["system/throughput_events_per_sec"].value)),
        training.step / training.timing["steps_per_epoch"],
        {f"{name}, {residual.unit}": width_of(residual) for name, residual in residuals.items()},
        mean_of(residuals, first),
    )


def mean_of(residuals: Residuals, first: Residuals) -> Number:
    """Return the geometric mean of the widths of all outputs over those of the first form."""
    names = [name for name, residual in residuals.items() if not residual.distance]
    usable = np.all([np.isfinite(of[name].values) for of in (residuals, first) for name in names], axis=0)
    return mean_width_ratio(
        [
            (residuals[name].values[usable], first[name].values[usable], residuals[name].bare_width)
            for name in names
        ]
    )


def table(results: Sequence[Result]) -> Grid:
    """Return the table of the forms."""
    rows = [
        (
            result.name,
            f"{result.parameters}",
            f"{result.events_per_second:.0f}",
            f"{result.epochs:.3g}",
            *(with_error(width) for width in result.widths.values()),
            with_error(result.mean),
        )
        for result in results
    ]
    header = ("form", "parameters", "events/s", "epochs", *results[0].widths, "mean")
    return Grid("Forms at equal training time", header, tuple(rows))


if __name__ == "__main__":
    with boundary(sys.argv):
        typer.run(main)
