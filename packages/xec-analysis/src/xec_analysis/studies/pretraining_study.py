"""The study of pre-training with few labels: three trainings on simulated events, and one figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.runs.run_comparison import draw_runs, runs_table
from xec_analysis.studies.pretraining_steps import CONFIGS, FULL, PRETRAINED, QUICK, SCRATCH, study_steps
from xec_analysis.studies.steps import prepare_folder, run_steps
from xec_geometry.cli.plugins import require_commands
from xec_geometry.support.output import atomic_output
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from rich.console import Console

FIGURE = "pretraining.pdf"


def run_study(folder: Path, *, quick: bool, overwrite: bool, console: Console) -> Path:
    """Run all trainings, and draw the validation with and without pre-training.

    Parameters
    ----------
    folder
        Folder for all output.
    quick
        Whether to run the short form: every step, but nothing is learnt.
    overwrite
        Whether the output of an earlier study in `folder` may be removed.
    console
        Terminal to print to.

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
        with atomic_output(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    run_steps(steps, folder, console, "study")
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
