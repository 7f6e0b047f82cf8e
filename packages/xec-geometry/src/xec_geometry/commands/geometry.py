"""The command `xec geometry`."""

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force

app = typer.Typer(help="Sensors, faces and maps of the detector.", no_args_is_help=True)

LayoutOption = Annotated[
    str, typer.Option(help="Of maps, edges and fine grid: physical, or xec-ml-wl as the earlier system.")
]


@app.command()
def show(
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Also draw the unrolled detector.")
    ] = None,
    layout: LayoutOption = "physical",
    force: Force = False,
) -> None:
    """Show the faces of the detector: a table, and a picture if wanted."""
    from rich.console import Console

    from xec_geometry.detector.names import check_layout
    from xec_geometry.display.tables import report_faces

    known_layout = check_layout(layout)
    if png is not None:
        from xec_geometry.display.picture import save_picture
        from xec_geometry.support.output import check_output

        check_output(png, force=force)
        save_picture(png)
    report_faces(Console(), known_layout)
    if png is not None:
        typer.echo(f"picture: {png}")


@app.command()
def export(
    format_name: Annotated[
        str, typer.Option("--format", help="cpp (a C++17 header), csv (a line per sensor) or json.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="By default to the terminal.")
    ] = None,
    layout: LayoutOption = "physical",
    force: Force = False,
) -> None:
    """Write the geometry for other programs."""
    from xec_geometry.detector.names import check_layout
    from xec_geometry.exports import export_geometry
    from xec_geometry.support.output import atomic_output, check_output

    if output is not None:
        check_output(output, force=force)
    text = export_geometry(format_name, check_layout(layout))
    if output is None:
        typer.echo(text, nl=False)
    else:
        with atomic_output(output) as temporary:
            temporary.write_text(text, encoding="utf-8")


@app.command()
def check(
    table: Annotated[Path, typer.Argument(help="Text: sensor_id x y z nx ny nz, in cm; # comments.")],
    min_distance: Annotated[
        float, typer.Option(min=0, help="Shifts up to this many cm do not count.")
    ] = 0.001,
    min_turn: Annotated[float, typer.Option(min=0, help="Turns up to this many degrees do not count.")] = 0.1,
    rows: Annotated[int, typer.Option(min=0, help="Sensors to list at most.")] = 20,
) -> None:
    """Check a survey's table of positions, and say which sensors moved and by how much."""
    from rich.console import Console

    from xec_geometry.detector.survey import compare_survey, read_survey
    from xec_geometry.display.tables import report_survey

    survey = read_survey(table)
    moved = compare_survey(survey, min_distance=min_distance, min_turn=min_turn)
    report_survey(Console(), str(table), survey, moved, rows)
