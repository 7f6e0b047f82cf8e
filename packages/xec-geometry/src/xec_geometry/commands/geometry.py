"""The command `xec geometry`."""

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force, Geometry

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
    geometry: Geometry = "nominal",
    force: Force = False,
) -> None:
    """Show the faces of the detector: a table, and a picture if wanted."""
    from rich.console import Console

    from xec_geometry.detector.geometry_file import geometry_files, load_geometry
    from xec_geometry.detector.names import check_layout
    from xec_geometry.display.tables import report_faces

    known_layout, table = check_layout(layout), load_geometry(geometry)
    if png is not None:
        from xec_geometry.display.picture import save_picture
        from xec_geometry.support.output import check_output

        check_output(png, inputs=geometry_files(geometry), force=force)
        save_picture(png, table)
    report_faces(Console(), known_layout, table)
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
    geometry: Geometry = "nominal",
    force: Force = False,
) -> None:
    """Write the geometry for other programs."""
    from xec_geometry.detector.geometry_file import geometry_files, load_geometry
    from xec_geometry.detector.names import check_layout
    from xec_geometry.exports import export_geometry
    from xec_geometry.support.output import atomic_output, check_output

    if output is not None:
        check_output(output, inputs=geometry_files(geometry), force=force)
    text = export_geometry(format_name, check_layout(layout), load_geometry(geometry))
    if output is None:
        typer.echo(text, nl=False)
    else:
        with atomic_output(output) as temporary:
            temporary.write_text(text, encoding="utf-8")


@app.command()
def check(
    table: Annotated[Path, typer.Argument(help="Text: a line per sensor, in cm; # comments.")],
    min_distance: Annotated[
        float, typer.Option(min=0, help="Shifts up to this many cm do not count.")
    ] = 0.001,
    min_turn: Annotated[float, typer.Option(min=0, help="Turns up to this many degrees do not count.")] = 0.1,
    rows: Annotated[int, typer.Option(min=0, help="Sensors to list at most.")] = 20,
) -> None:
    """Check a table of positions as built, and say which sensors moved and by how much.

    The same tables are read wherever a geometry is asked for ('--geometry
    FILE', or the key 'geometry' of a training). Values are separated by
    blanks or commas, sensors without a line stand where they nominally do,
    and normals are unit vectors into the xenon. The first line may name the
    columns; otherwise their number tells what they are:

    \b
    7   sensor_id x y z nx ny nz                        a survey
    9   id is_sipm face x y z dir_x dir_y dir_z         dump of the analyzer
    10  id is_sipm is_bad face x y z dir_x dir_y dir_z  the same with bad channels
    8   sensor_id dir_x dir_y dir_z pos_x pos_y pos_z face   of xec-ml-wl

    Columns of other names are not used: faces follow from the ids, and
    dead channels are a matter of the data.
    """
    from rich.console import Console

    from xec_geometry.detector.geometry_file import read_survey
    from xec_geometry.detector.survey import compare_survey
    from xec_geometry.display.tables import report_survey

    survey = read_survey(table)
    moved = compare_survey(survey, min_distance=min_distance, min_turn=min_turn)
    report_survey(Console(), str(table), survey, moved, rows)
