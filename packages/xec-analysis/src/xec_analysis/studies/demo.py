"""The whole chain on simulated events, by the same commands that a user types."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.demo_steps import (
    FULL,
    PREDICTIONS,
    QUICK,
    TEST,
    TRAIN,
    VALIDATION,
    DemoSize,
    Step,
    demo_steps,
)
from xec_geometry.cli.plugins import require_commands
from xec_geometry.support.output import make_folder

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_EVENT_FILES = (TRAIN, VALIDATION, TEST)
_WIDTH = 100


class StepError(AnalysisError):
    """A command of the demo that failed.

    Attributes
    ----------
    code
        Its exit code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def run_demo(folder: Path, *, quick: bool, overwrite: bool, keep: bool, console: Console) -> None:
    """Run all steps, and end with the network beside the conventional estimators.

    Parameters
    ----------
    folder
        Where everything is made.
    quick
        A short form: everything runs, but the network learns next to nothing.
    overwrite
        Whether what an earlier demo left in `folder` may be removed.
    keep
        Whether the simulated events stay; they are most of the volume.
    console
        Where to print.

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
    for number, step in enumerate(steps, start=1):
        announce(step, f"{number}/{len(steps)}", console)
        run_step(step, folder)
    console.print("\n[bold]The network beside conventional estimators[/]")
    _judge(folder, size, console)
    if quick:
        console.print("The short form hardly trains: only 'xec demo' without --quick says something.")
    if not keep:
        for name in _EVENT_FILES:
            (folder / name).unlink(missing_ok=True)
    console.print(_made(folder, steps))
    console.print(f"total time: {_duration(time.monotonic() - begin)}")


def prepare_folder(folder: Path, steps: list[Step], *, overwrite: bool) -> None:
    """Make an empty folder, or remove what an earlier demo made in it, and nothing else.

    Raises
    ------
    AnalysisError
        If something is in the folder and `overwrite` is not set.
    OutputError
        If the folder cannot be made.
    """
    make_folder(folder)
    if any(folder.iterdir()) and not overwrite:
        raise AnalysisError(
            f"the folder {folder} is not empty; expected a new or empty one (-o FOLDER), "
            "or --overwrite to replace what an earlier demo made there"
        )
    for name in (name for step in steps for name in step.makes):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def run_step(step: Step, folder: Path, what: str = "demo") -> None:
    """Run a command in a process of its own, inside the folder; it prints what it prints.

    Raises
    ------
    StepError
        If it ends with another exit code than 0.
    """
    # The same interpreter, so that the demo shows the packages that it belongs to.
    program = [sys.executable, "-c", "from xec_geometry.cli.application import main; main()"]
    code = subprocess.run([*program, *step.arguments], cwd=folder, check=False).returncode
    if code != 0:
        raise StepError(f"the {what} stopped: '{_spoken(step)}' ended with exit code {code}", code)


def announce(step: Step, number: str, console: Console) -> None:
    """Say what the next step is, and how it can be typed."""
    console.print(f"\n[bold]{number}  {step.title}[/]")
    console.print(step.meaning, soft_wrap=True)
    console.print(f"On your own files: {step.own_files}", soft_wrap=True, style="dim", markup=False)
    console.print(_command_line(step), markup=False, soft_wrap=True)


def _spoken(step: Step) -> str:
    return shlex.join(("xec", *step.arguments[:2]))


def _command_line(step: Step) -> str:
    """The command as it can be typed, broken into lines of a readable length."""
    lines = ["$ xec"]
    for word in map(shlex.quote, step.arguments):
        if len(lines[-1]) + len(word) + 3 > _WIDTH:
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" {word}"
    return "\n".join(lines)


def _judge(folder: Path, size: DemoSize, console: Console) -> None:
    from xec_analysis.estimators.baselines import RECIPES, fit_baselines
    from xec_analysis.estimators.comparison import compare, comparison_table, predict_baselines, verdict
    from xec_analysis.resolution.results import load_results

    console.print(
        "simple: charge-weighted position, summed photons, first times. refined: a window around the light, "
        "photons scaled to the walls, mean of all times. Both are calibrated on the training events "
        "(xec_analysis.fit_baselines).",
        soft_wrap=True,
    )
    estimates = {
        name: predict_baselines(fit_baselines(folder / TRAIN, name), folder / TEST) for name in RECIPES
    }
    contests = compare(load_results(folder / PREDICTIONS), estimates)
    console.print(comparison_table(contests, f"Resolution on {size.n_test} events of {TEST}"))
    for name in RECIPES:
        console.print(verdict(contests, name), soft_wrap=True)


def _made(folder: Path, steps: list[Step]) -> Table:
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
                table.add_row(f"{name}/" if path.is_dir() else name, _volume(path), step.title)
    return table


def _volume(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    text = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
    return f"{len(files)} files, {text}" if path.is_dir() else text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
