"""Does pre-training help if labels are few? Three trainings on simulated events, and one figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.runs.curve_comparison import draw_runs, runs_table
from xec_analysis.studies.demo import announce, prepare_folder, run_step
from xec_analysis.studies.pretraining_steps import CONFIGS, FULL, PRETRAINED, QUICK, SCRATCH, study_steps
from xec_geometry.cli.plugins import require_commands

if TYPE_CHECKING:
    from rich.console import Console

FIGURE = "pretraining.pdf"


def run_study(folder: Path, *, quick: bool, overwrite: bool, console: Console) -> Path:
    """Run all trainings, and draw the validation with and without pre-training.

    Parameters
    ----------
    folder
        Where everything is made.
    quick
        A short form: everything runs, and nothing is learnt.
    overwrite
        Whether what an earlier study left in `folder` may be removed.
    console
        Where to print.

    Returns
    -------
    Path
        The figure.

    Raises
    ------
    AnalysisError
        If the folder is not empty.
    CommandError
        If the package of a command is not installed.
    StepError
        If a command fails.
    """
    size = QUICK if quick else FULL
    steps = study_steps(size)
    require_commands(step.arguments[0] for step in steps)
    prepare_folder(folder, steps, overwrite=overwrite)
    for name, text in CONFIGS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for number, step in enumerate(steps, start=1):
        announce(step, f"{number}/{len(steps)}", console)
        run_step(step, folder, "study")
    from xec_models.checkpoint.run_directory import RunDirectory

    runs = {
        "from scratch": RunDirectory(folder / "artifacts" / SCRATCH),
        "pre-trained": RunDirectory(folder / "artifacts" / PRETRAINED),
    }
    figure = draw_runs(
        runs,
        folder / FIGURE,
        title="Few labels, with and without pre-training",
        subtitle=f"{size.labelled} events with labels; pre-trained on {size.unlabelled} without, "
        f"{size.pretraining_epochs} epochs; validation on {size.validation} events",
    )
    console.print(runs_table(runs))
    console.print(f"{figure}", soft_wrap=True)
    return figure
