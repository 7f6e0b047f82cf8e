"""What a training calls at its end: the plots of its run directory."""

from __future__ import annotations

from pathlib import Path


def plot_run(run_dir: Path) -> list[Path]:
    """Draw the plots of a run into its folder `plots`.

    Parameters
    ----------
    run_dir
        A run directory with validation results and metrics.

    Returns
    -------
    list of Path
        `resolution_profile_<task>_<run>.pdf` for every task, `training_curves_<run>.pdf`, and
        `worst_event_<n>_<run>.pdf` if the validation file is still there.

    Raises
    ------
    AnalysisError
        If the run has no predictions.
    """
    from xec_analysis.pages import draw_pages
    from xec_analysis.results import load_results
    from xec_analysis.training_curves import draw_training_curves
    from xec_analysis.worst_events import draw_worst_events
    from xec_geometry.errors import XecError
    from xec_geometry.output import make_folder
    from xec_models.checkpoint import read_checkpoint
    from xec_models.run_directory import RunDirectory

    run = RunDirectory.open(run_dir)
    results = load_results(run.path)
    folder = make_folder(run.plots)
    paths = draw_pages(results, folder)
    if run.metrics.exists():
        paths.append(draw_training_curves(run, folder / f"training_curves_{run.name}.pdf"))
    try:
        data = read_checkpoint(run.checkpoint_best)["config"]["data"]
        paths += draw_worst_events(run, results, data)
    except (XecError, KeyError):
        # Without the checkpoint or the events of the validation there is nothing to display.
        pass
    return paths
