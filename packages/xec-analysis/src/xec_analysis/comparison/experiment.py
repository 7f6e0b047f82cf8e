"""The runs of an experiment of a tracking server, which another installed package reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from xec_analysis.comparison.compared_run import label_runs
from xec_analysis.errors import AnalysisError
from xec_geometry.support.entry_points import entry_points
from xec_models.checkpoint.run_directory import RunDirectory

GROUP = "xec.run_sources"
"""Entry points ``(experiment, uri, folder) → run directories``; those from elsewhere are in the folder."""


def fetch_runs(experiment: str, uri: str | None, folder: Path) -> tuple[list[Path], list[str]]:
    """Find the runs of an experiment.

    Parameters
    ----------
    experiment
        Its name.
    uri
        The server; None: the one that trainings use by default.
    folder
        An empty folder, for runs whose directories are elsewhere.

    Returns
    -------
    list of Path, list of str
        Run directories of one objective, that of most runs; and a line about those left out.

    Raises
    ------
    AnalysisError
        If nothing that is installed reads experiments, or there is no training in it.
    XecError
        If the server does not answer, or has no such experiment.
    """
    points = list(entry_points(group=GROUP))
    if not points:
        raise AnalysisError(
            "no installed package reads experiments: pip install --upgrade xec-train, which does"
        )
    found = [path for point in points for path in point.load()(experiment, uri, folder)]
    if not found:
        raise AnalysisError(f"no training with numbers of an epoch in the experiment '{experiment}'")
    runs = label_runs([RunDirectory.open(path) for path in found])
    (objective, _), *_ = Counter(run.objective for run in runs).most_common(1)
    others = [f"{run.label} ({run.objective})" for run in runs if run.objective != objective]
    notes = [f"of another objective than {objective}, left out: {', '.join(others)}"] if others else []
    return [run.directory.path for run in runs if run.objective == objective], notes
