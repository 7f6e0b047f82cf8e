"""The command `xec data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_data.commands.rewrite import rewrite
from xec_data.commands.simulate import simulate
from xec_geometry.cli.options import Force

app = typer.Typer(no_args_is_help=True, help="Check and rewrite event files; simulate events.")


@app.callback()
def _group() -> None:
    """Check and rewrite event files; simulate events."""


app.command("simulate")(simulate)
app.command("rewrite")(rewrite)


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="ROOT files, folders or patterns.", show_default=False)],
    tree: Annotated[str, typer.Option("--tree", help="Name of the tree.")] = "tree",
    npho_branch: Annotated[str, typer.Option(help="Branch with the photons.")] = "npho",
    time_branch: Annotated[str, typer.Option(help="Branch with the times.")] = "relative_time",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    dead_out: Annotated[
        Path | None,
        typer.Option("--dead-out", help="Write the dead sensors of all files together: one id a line."),
    ] = None,
    dead_fraction: Annotated[
        float,
        typer.Option(help="A sensor is dead if it is invalid in more than this fraction of the events."),
    ] = 0.95,
    force: Force = False,
) -> None:
    """Check the content of files and what they can be used for.

    Exits with 0 if every file can be used for something, with 2 otherwise.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console

    from xec_data.checking.many import check_files
    from xec_data.checking.statistics import ReadingStatistics
    from xec_data.checking.tables import print_report, print_summary
    from xec_data.commands.progress import progress_of_files
    from xec_data.errors import DataError
    from xec_data.reading.file_paths import find_files
    from xec_geometry.support.output import check_output

    if not 0 <= dead_fraction < 1:
        raise DataError(f"--dead-fraction {dead_fraction:g}: expected 0 ≤ fraction < 1")
    paths = find_files(list(files))
    if dead_out is not None:
        check_output(dead_out, inputs=paths, force=force)
    counts = ReadingStatistics()
    reports, pages = [], []
    console = Console(soft_wrap=False)
    with progress_of_files("reading") as progress_of:
        for report, seen in check_files(
            paths,
            progress_of=progress_of,
            tree_name=tree,
            npho_branch=npho_branch,
            time_branch=time_branch,
            dead_above=dead_fraction,
        ):
            reports.append(report)
            counts.include(seen)
            if not as_json and (len(paths) > 1 or report.error is None):
                # Meanwhile other processes read.
                with console.capture() as page:
                    print_report(report, console)
                pages.append(page.get())
    if as_json:
        typer.echo(json.dumps([asdict(report) for report in reports], indent=2, allow_nan=False))
    else:
        typer.echo("".join(pages), nl=False, color=True)
        if len(reports) > 1:
            print_summary(reports, console)
    useless = [report for report in reports if not report.is_usable]
    if dead_out is not None and not useless:
        from xec_data.dead_channels.sources import write_counted

        typer.echo(write_counted(dead_out, counts, dead_fraction, paths), err=as_json)
    if not useless:
        return
    if useless[0].error is not None:
        more = f" (and {len(useless) - 1} more of {len(reports)} files)" if len(useless) > 1 else ""
        raise DataError(f"{useless[0].error}{more}")
    raise typer.Exit(2)
