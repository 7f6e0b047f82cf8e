"""``hatch run fuzz``: inputs that nobody would write, for every reader of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tools.fuzz.campaign import Extent, try_target
from tools.fuzz.targets import TARGETS

from xec_geometry.errors import did_you_mean


def main(
    targets: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(TARGETS)}; default: all.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="For all targets together.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs.")] = 0,
    examples: Annotated[int | None, typer.Option(min=1, help="Inputs of each target at most.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for findings.")] = Path("fuzz"),
) -> None:
    """Try mutated files; a finding is written with its input, and makes the exit code 1."""
    names = targets or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            raise typer.BadParameter(f"'{name}'{did_you_mean(name, TARGETS)}; expected {', '.join(TARGETS)}")
    results = []
    for name in names:
        extent = Extent(seed, examples, 60 * minutes / len(names))
        results.append(try_target(TARGETS[name], extent, output, typer.echo))
        typer.echo(f"{name}: {results[-1].tried} inputs, {len(results[-1].findings)} findings")
    raise typer.Exit(any(result.findings for result in results))


if __name__ == "__main__":
    typer.run(main)
