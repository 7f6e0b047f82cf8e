"""Steps of a study: commands of xec, run one after the other in a folder."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.errors import AnalysisError
from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_geometry.support.output import make_folder
from xec_geometry.support.parent import run_child

if TYPE_CHECKING:
    from rich.console import Console

_ENERGIES = "0.015:0.060"
_WIDTH = 100


@dataclass(frozen=True)
class Step:
    """One command of a study.

    Attributes
    ----------
    title
        A few words.
    meaning
        Purpose of the command, a sentence or two.
    own_files
        The same command for one's own files; empty: nothing is said about them.
    arguments
        Arguments of `xec`.
    makes
        Files and folders that it writes, relative to the folder of the study.
    """

    title: str
    meaning: str
    own_files: str
    arguments: tuple[str, ...]
    makes: tuple[str, ...] = ()


class StepError(AnalysisError):
    """A command of a study that failed.

    Attributes
    ----------
    code
        Its exit code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        if code == INTERRUPTED:
            self.exit_code = code


def simulation_step(path: str, events: int, seed: int, title: str) -> Step:
    """Return the step that simulates events into a file, reproducible by the seed."""
    return Step(
        title,
        f"Simulates {events} photons of 15 to 60 MeV in the format of real files, reproducible by the seed.",
        "Skip this: use the files that you have. Any tree with npho and relative_time will do.",
        ("data", "simulate", path, "--events", str(events), "--seed", str(seed), "--energy", _ENERGIES),
        (path,),
    )


def run_steps(steps: Sequence[Step], folder: Path, console: Console, study: str) -> None:
    """Show each step, and run it.

    Raises
    ------
    StepError
        If a command fails.
    """
    for number, step in enumerate(steps, start=1):
        announce(step, f"{number}/{len(steps)}", console)
        run_step(step, folder, study)


def prepare_folder(folder: Path, steps: Sequence[Step], *, overwrite: bool) -> None:
    """Create an empty folder, or remove the output of the same steps from it, and nothing else.

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
            "or --overwrite to replace the output of an earlier run there"
        )
    for name in (name for step in steps for name in step.makes):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def run_step(step: Step, folder: Path, study: str) -> None:
    """Run a command in a process of its own, inside the folder; it ends with this process.

    Raises
    ------
    StepError
        If it ends with another exit code than 0.
    """
    code = run_child("from xec_geometry.cli.application import main; main()", step.arguments, folder)
    if code != 0:
        raise StepError(f"the {study} stopped: '{_short_command(step)}' ended with exit code {code}", code)


def announce(step: Step, number: str, console: Console) -> None:
    """Print the purpose of a step, and its command as it can be typed."""
    console.print(f"\n[bold]{number}  {step.title}[/]")
    console.print(step.meaning, soft_wrap=True)
    if step.own_files:
        console.print(f"On your own files: {step.own_files}", soft_wrap=True, style="dim", markup=False)
    console.print(_command_line(step), markup=False, soft_wrap=True)


def _short_command(step: Step) -> str:
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
