"""The command `xec data rewrite`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xec_geometry.cli.options import Force


def rewrite(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="IN.root...", help="ROOT files, folders or patterns.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.root", help="The file to write.")],
    compression: Annotated[
        str, typer.Option("--compression", "-c", help="lz4 (fastest to read), zstd, zlib or none.")
    ] = "lz4",
    level: Annotated[
        int | None, typer.Option("--level", help="Level of the compression; by default its usual one.")
    ] = None,
    cluster: Annotated[
        int | None,
        typer.Option("--cluster", help="Events per cluster; by default so many as have 16 MB in memory."),
    ] = None,
    tree: Annotated[str, typer.Option("--tree", help="Name of the tree.")] = "tree",
    drop: Annotated[
        list[str] | None, typer.Option("--drop", help="A branch to be left out; may be given repeatedly.")
    ] = None,
    force: Force = False,
) -> None:
    """Write events into one new file with another compression and other clusters.

    Every branch is kept to the last bit, those that xec does not know included; several files of the same
    branches are put together. What else stands in the files is copied if it is text, and named otherwise.

    xec data rewrite run*.root -o all.root
    """
    from xec_data.commands.progress import progress_of_files
    from xec_data.reading.file_paths import find_files
    from xec_data.writing.rewrite import rewrite_files
    from xec_geometry.support.output import check_output

    files = find_files(list(inputs))
    check_output(output, inputs=files, force=force)
    with progress_of_files("writing") as progress_of:
        summary = rewrite_files(
            files,
            output,
            tree_name=tree,
            compression=compression,
            level=level,
            cluster=cluster,
            drop=drop or (),
            progress=progress_of(output),
        )
    for note in summary.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(summary.line())
