"""``xec doctor``: what a bug report needs, and what is wrong on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from xec_geometry.cli.exit_codes import USER_ERROR


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print what a bug report needs, and what is wrong on this machine.

    Versions, devices, cores, memory, folders, tracking store, ONNX, SLURM.
    Exits with 0, or with 2 if something is wrong.
    """
    from xec_train.doctor.report import as_json, as_table, examine, problems

    findings = examine()
    wrong = problems(findings)
    if json:
        typer.echo(as_json(findings))
    else:
        typer.echo(as_table(findings))
        for line in wrong:
            typer.echo(f"! {line}")
        typer.echo(f"{len(wrong)} problem{'s' if len(wrong) > 1 else ''}" if wrong else "nothing is wrong")
    if wrong:
        raise typer.Exit(USER_ERROR)
