"""``xec config``: write, show, check and convert the configuration of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from xec_geometry.cli.options import Force

app = typer.Typer(no_args_is_help=True, help="Write, show and check the configuration of a training.")

_ANY_OPTION = {"ignore_unknown_options": True}
_Words = Annotated[
    list[str],
    typer.Argument(metavar="CONFIG [KEY=VALUE | --FLAG VALUE]...", help="A YAML file, and changes to it."),
]
_Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to write; default: the screen.")]


_Checkpoint = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Go on from this checkpoint: its network and normalization are stated."
    ),
]


@app.command()
def new(
    output: _Output = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Objective: regression, mae or inpainting; default: that of the checkpoint, or regression."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Values that go together: laptop, gpu or reference.")
    ] = None,
    checkpoint: _Checkpoint = None,
    force: Force = False,
) -> None:
    """Write a commented configuration with every key, its value and its meaning."""
    from xec_train.config.template import template
    from xec_train.objectives.table import DEFAULT

    if checkpoint is None:
        _write(template(objective or DEFAULT, preset), output, force)
        return
    from xec_train.runs.from_checkpoint import stated_values

    chosen, values = stated_values(checkpoint, objective)
    _write(template(chosen, preset, values), output, force)


@app.command(context_settings=_ANY_OPTION)
def show(
    words: _Words,
    plot_lr: Annotated[
        Path | None,
        typer.Option("--plot-lr", metavar="FILE", help="Draw the planned learning rates (PDF, PNG or SVG)."),
    ] = None,
) -> None:
    """Print the configuration as a training would use it: defaults filled in, changes applied."""
    from xec_train.config.loading import load_command_line
    from xec_train.config.template import resolved

    loaded = load_command_line(words)
    _warn(loaded.notes)
    typer.echo(resolved(loaded.config), nl=False)
    if plot_lr is not None:
        from xec_train.runs.schedule_plot import plot_schedule

        _warn(tuple(plot_schedule(loaded.config, plot_lr)))
        typer.echo(f"wrote {plot_lr}", err=True)


@app.command(context_settings=_ANY_OPTION)
def check(words: _Words) -> None:
    """Report every error of a configuration at once; exit 0 if there is none, else 2."""
    from xec_train.config.loading import load_command_line

    loaded = load_command_line(words)
    _warn(loaded.notes)
    tasks = f"; tasks: {', '.join(loaded.config.enabled_tasks)}" if loaded.config.enabled_tasks else ""
    typer.echo(f"no errors; objective: {loaded.config.objective}{tasks}")


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(metavar="OLD.yaml", help="A configuration of xec-ml-wl.")],
    output: _Output = None,
    objective: Annotated[
        str | None,
        typer.Option(help="Objective: regression, mae or inpainting; default: found from the keys."),
    ] = None,
    angle_unit: Annotated[
        Literal["deg", "rad"],
        typer.Option(help="Unit of emiAng in its files, and so of loss_beta of the angles."),
    ] = "deg",
    checkpoint: _Checkpoint = None,
    force: Force = False,
) -> None:
    """Make a configuration of the earlier system xec-ml-wl one of xec, with a note for every changed key."""
    from xec_train.config.earlier.conversion import convert_config

    if output is not None:
        from xec_geometry.support.output import check_output

        check_output(output, inputs=[path], force=force)
    converted = convert_config(path, objective=objective, angle_unit=angle_unit)
    if checkpoint is not None:
        from dataclasses import replace

        from xec_train.runs.from_checkpoint import align

        values, notes = align(converted.values, checkpoint)
        converted = replace(converted, values=values, notes=(*converted.notes, *notes))
    _warn(converted.notes)
    _write(converted.text(path.name), output, force)


@app.command()
def schema(output: _Output = None, force: Force = False) -> None:
    """Write the JSON schema, with which editors complete and check a configuration."""
    import json

    from xec_train.config.template import json_schema

    _write(json.dumps(json_schema(), indent=2) + "\n", output, force)


def _write(text: str, output: Path | None, force: bool) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    from xec_geometry.support.output import atomic_output, check_output

    check_output(output, force=force)
    with atomic_output(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {output}")


def _warn(notes: tuple[str, ...]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
