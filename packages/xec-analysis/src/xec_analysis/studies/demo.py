"""The demo: the whole chain on simulated events, by the commands that a user types."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.studies.demo_steps import (
    FULL,
    PREDICTIONS,
    QUICK,
    TEST,
    TRAIN,
    VALIDATION,
    DemoSize,
    demo_steps,
)
from xec_analysis.studies.steps import Step, prepare_folder, run_steps
from xec_geometry.cli.plugins import require_commands

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_EVENT_FILES = (TRAIN, VALIDATION, TEST)


def run_demo(folder: Path, *, quick: bool, overwrite: bool, keep: bool, console: Console) -> None:
    """Run all steps of the demo, then compare the network with the conventional estimators.

    Parameters
    ----------
    folder
        Folder for all output.
    quick
        Whether to run the short form: every step, but hardly any training.
    overwrite
        Whether the output of an earlier demo in `folder` may be removed.
    keep
        Whether the simulated events are kept; they are most of the volume.
    console
        Terminal to print to.

    Raises
    ------
    AnalysisError
        If the folder is not empty.
    CommandError
        If the package of a command is not installed.
    StepError
        If a command fails.
    """
    begin = time.monotonic()
    size = QUICK if quick else FULL
    steps = demo_steps(size)
    require_commands(step.arguments[0] for step in steps)
    prepare_folder(folder, steps, overwrite=overwrite)
    console.print(f"\n[bold]The whole chain in {len(steps)} commands, in the folder {folder}[/]")
    console.print(f"$ cd {shlex.quote(str(folder))}", markup=False)
    run_steps(steps, folder, console, "demo")
    console.print("\n[bold]The network beside conventional estimators[/]")
    _compare_with_estimators(folder, size, console)
    if quick:
        console.print(
            "The short form hardly trains: only 'xec demo' without --quick gives meaningful numbers."
        )
    if not keep:
        for name in _EVENT_FILES:
            (folder / name).unlink(missing_ok=True)
    console.print(_output_table(folder, steps))
    console.print(f"total time: {_duration(time.monotonic() - begin)}")


def _compare_with_estimators(folder: Path, size: DemoSize, console: Console) -> None:
    from xec_analysis.estimators.baselines import RECIPES, fit_baselines
    from xec_analysis.estimators.file_estimates import estimate_file, smallest_sigma
    from xec_analysis.estimators.network_comparison import compare, comparison_table, verdict
    from xec_analysis.resolution.loading import load_results
    from xec_analysis.studies.benchmark.methods import meanings

    console.print(
        f"{meanings(RECIPES)} Both are calibrated on the training events (xec_analysis.fit_baselines); the "
        "network starts from the refined ones. limit: what the readings of point events of the same places "
        "and energies allow at best (xec bound); for showers no limit is known. Bold: better than all others "
        "by twice the statistical error.",
        soft_wrap=True,
    )
    events = folder / TEST
    estimates = {name: estimate_file(fit_baselines(folder / TRAIN, name).predict, events) for name in RECIPES}
    limits = estimate_file(smallest_sigma, events, ("uvwTruth", "energyTruth"))
    comparisons = compare(load_results(folder / PREDICTIONS), estimates, limits)
    console.print(comparison_table(comparisons, f"Resolution on {size.n_test} events of {TEST}"))
    for name in RECIPES:
        console.print(verdict(comparisons, name), soft_wrap=True)


def _output_table(folder: Path, steps: list[Step]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=f"In {folder}", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("file", no_wrap=True)
    table.add_column("size", justify="right")
    table.add_column("from step")
    for step in steps:
        for name in step.makes:
            path = folder / name
            if path.exists():
                table.add_row(f"{name}/" if path.is_dir() else name, _size_text(path), step.title)
    return table


def _size_text(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    text = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
    return f"{len(files)} files, {text}" if path.is_dir() else text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
