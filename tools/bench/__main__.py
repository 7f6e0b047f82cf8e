"""``hatch run bench``: rates, limits and their ratios in one table."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from tools.bench.case import GROUPS, Result, alone, cases_of
from tools.bench.events import folder

from xec_geometry.errors import did_you_mean
from xec_geometry.support.output import atomic_output, check_writable
from xec_geometry.support.processors import available_cores, processor_model
from xec_geometry.support.revision import describe_revision

# Whether there is a GPU is asked before the cases get processes of their own, which could not use it if the
# driver answered.
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

_ALL = "all"
_LOG_WIDTH = 160


def main(
    what: Annotated[str, typer.Argument(help=f"{', '.join(GROUPS)} or {_ALL}.")] = _ALL,
    json_file: Annotated[Path | None, typer.Option("--json", help="Keep the results in this file.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with a file kept earlier.")] = None,
) -> None:
    """Measure the speed of xec as a ratio to a limit that is measured in the same run."""
    names = (*GROUPS, _ALL)
    if what not in names:
        raise typer.BadParameter(f"'{what}'{did_you_mean(what, names)}; expected {', '.join(names)}")
    if json_file is not None:
        check_writable(json_file)
    earlier = _read(against) if against is not None else {}
    console = Console()
    if not console.is_terminal:
        # A table in a log file shall not be cut to the width of a terminal that is not there.
        console = Console(width=_LOG_WIDTH)
    # Of this process, which removes it: the cases find in it what earlier ones have made.
    folder()
    results: list[Result] = []
    for group in GROUPS if what == _ALL else [what]:
        for case in cases_of(group):
            with console.status(f"{group}: {case.__name__.replace('_', ' ')}"):
                results.append(alone(case))
            _say(results[-1], console)
    console.print(_table(results, earlier))
    console.print(f"[dim]{'; '.join(f'{key} {value}' for key, value in _machine().items())}[/dim]")
    if json_file is not None:
        content = {"machine": _machine(), "results": [asdict(result) for result in results]}
        with atomic_output(json_file) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n")


def _say(result: Result, console: Console) -> None:
    # A long run that is stopped has shown what it had.
    if not console.is_terminal:
        console.print(f"{result.case}: {result.ratio:.3f}", highlight=False)


def _read(path: Path) -> dict[str, Result]:
    try:
        results = [Result(**entry) for entry in json.loads(path.read_text())["results"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise typer.BadParameter(
            f"{path} cannot be read ({error}); expected a file kept with --json"
        ) from error
    return {result.case: result for result in results}


def _table(results: list[Result], earlier: dict[str, Result]) -> Table:
    table = Table()
    for column in ("case", "device", "unit", "limit is"):
        table.add_column(column, justify="left")
    columns = ["rate", "limit", "ratio", "target", "peak MB"]
    for column in columns + (["earlier ratio", "change"] if earlier else []):
        table.add_column(column, justify="right")
    for result in results:
        colour = {True: "green", False: "red", None: "default"}[result.is_met]
        noise = "" if result.noise is None else f" ± {result.noise:.2g}"
        target = "" if result.target is None else f"{'≤' if result.less_is_better else '≥'} {result.target:g}"
        memory = "" if result.peak_memory_mb is None else f"{result.peak_memory_mb:.0f}"
        row = [result.case, result.device, result.unit, result.limit_name]
        row += [f"{result.rate:.4g}", f"{result.limit:.4g}"]
        row += [f"[{colour}]{result.ratio:.3g}{noise}[/{colour}]", target, memory]
        if earlier:
            before = earlier.get(result.case)
            row += [f"{before.ratio:.3g}", f"× {result.ratio / before.ratio:.3f}"] if before else ["", ""]
        table.add_row(*row)
    return table


def _machine() -> dict[str, Any]:
    cores = available_cores()
    machine = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": processor_model(),
        "cores": cores,
        "commit": describe_revision(__file__),
    }
    graphics = _graphics()
    return machine | ({"gpu": graphics} if graphics else {})


def _graphics() -> str | None:
    import sys

    # Groups without a network do not import torch.
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None


if __name__ == "__main__":
    typer.run(main)
