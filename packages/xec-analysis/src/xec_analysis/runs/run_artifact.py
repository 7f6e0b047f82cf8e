"""The plots of a run directory at the end of its training."""

from __future__ import annotations

from pathlib import Path


def plot_run(run_dir: Path) -> list[Path]:
    """Draw the plots of a run into its folder `plots`: the same as `xec plot`.

    Parameters
    ----------
    run_dir
        A run directory.

    Returns
    -------
    list of Path
        Of a regressor: `resolution_profile_<task>_<run>.pdf` for every task, and
        `worst_event_<n>_<run>.pdf` if the validation files are still there. Of a network that reconstructs
        readings: the files of `draw_reconstruction`, if the run has reconstructed events. Of both:
        `training_curves_<run>.pdf`.

    Raises
    ------
    AnalysisError
        If the run of a regressor has no predictions.
    """
    from xec_analysis.plots.plot_sets import draw_plots
    from xec_analysis.plots.source import PlotSource

    return draw_plots(PlotSource(run_dir))
