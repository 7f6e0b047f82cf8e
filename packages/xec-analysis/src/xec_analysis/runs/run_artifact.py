"""What a training calls at its end: the plots of its run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xec_data.tasks.table import RECONSTRUCTIONS

if TYPE_CHECKING:
    from xec_models.checkpoint.run_directory import RunDirectory


def plot_run(run_dir: Path) -> list[Path]:
    """Draw the plots of a run into its folder `plots`.

    Parameters
    ----------
    run_dir
        A run directory with validation results and metrics.

    Returns
    -------
    list of Path
        Of a regression: `resolution_profile_<task>_<run>.pdf` for every task, and
        `worst_event_<n>_<run>.pdf` if the validation file is still there. Of a network that reconstructs
        readings: what `draw_reconstruction` draws, if the run has reconstructed events. Of both:
        `training_curves_<run>.pdf`.

    Raises
    ------
    AnalysisError
        If a regression has no predictions.
    """
    from xec_analysis.events.worst_events import draw_worst_events
    from xec_analysis.resolution.pages import draw_pages
    from xec_analysis.resolution.results import load_results
    from xec_geometry.errors import XecError
    from xec_geometry.support.output import make_folder
    from xec_models.checkpoint.checkpoint import read_checkpoint
    from xec_models.checkpoint.run_directory import RunDirectory

    run = RunDirectory.open(run_dir)
    if objective(run) in RECONSTRUCTIONS:
        return _plot_reconstruction(run)
    results = load_results(run.path)
    folder = make_folder(run.plots)
    paths = [*draw_pages(results, folder), *_curves(run)]
    try:
        data = read_checkpoint(run.checkpoint_best)["config"]["data"]
        paths += draw_worst_events(run, results, data)
    except (XecError, KeyError):
        # Without the checkpoint or the events of the validation there is nothing to display.
        pass
    return paths


def objective(run: RunDirectory) -> str:
    """What a run was trained for: regression if its configuration does not say.

    Raises
    ------
    AnalysisError
        If the configuration cannot be read.
    """
    import yaml

    from xec_analysis.errors import AnalysisError

    try:
        config = yaml.safe_load(run.config.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{run.config}: not a YAML file: {' '.join(str(error).split())}") from error
    return str(config.get("objective", "regression"))


def _plot_reconstruction(run: RunDirectory) -> list[Path]:
    from xec_analysis.reconstruction.events import load_reconstruction, reconstruction_file
    from xec_analysis.reconstruction.pages import draw_reconstruction
    from xec_geometry.support.output import make_folder

    path = reconstruction_file(run.path)
    if path is None:
        return _curves(run)
    return [*draw_reconstruction(load_reconstruction(path, run.name), make_folder(run.plots)), *_curves(run)]


def _curves(run: RunDirectory) -> list[Path]:
    from xec_analysis.runs.training_curves import draw_training_curves
    from xec_geometry.support.output import make_folder

    if not run.metrics.exists():
        return []
    return [draw_training_curves(run, make_folder(run.plots) / f"training_curves_{run.name}.pdf")]
