"""The comparison of runs or of predictions, from what is given to tables and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.comparison import report
from xec_analysis.comparison.compared_run import ComparedRun, label_runs
from xec_analysis.comparison.configuration import Difference, differ_in_loss, differences
from xec_analysis.comparison.lineage import Lineage, lineages
from xec_analysis.comparison.metrics import Member, MetricComparison, compare_metrics, mean_ranks
from xec_analysis.comparison.pages import draw_comparison
from xec_analysis.comparison.sources import Source
from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.collecting import collect_results
from xec_analysis.resolution.loading import load_columns, load_results
from xec_analysis.resolution.results import Results
from xec_analysis.resolution.variants import split_variants
from xec_geometry.support.text import shortened
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from rich.console import RenderableType

# Characters in a line of a page.
_MOST_NAMED = 90


@dataclass(frozen=True)
class Comparison:
    """Runs, or files of predictions, beside each other.

    Attributes
    ----------
    members
        What is compared; the first is the reference.
    metrics
        Their metrics.
    notes
        A line for each thing that a reader has to know.
    differences
        What differs between runs.
    lineages
        The curves of runs.
    """

    members: tuple[Member, ...]
    metrics: tuple[MetricComparison, ...]
    notes: tuple[str, ...]
    differences: tuple[Difference, ...] = ()
    lineages: tuple[Lineage, ...] = ()

    @property
    def runs(self) -> list[ComparedRun]:
        """The runs."""
        return [member.run for member in self.members if member.run is not None]

    @cached_property
    def ranks(self) -> dict[str, float]:
        """The mean rank of each; the loss counts where it means the same in all."""
        return mean_ranks(self.metrics, with_loss=not differ_in_loss(self.differences))

    @property
    def title(self) -> str:
        """For headers."""
        return f"{len(self.members)} {'trainings' if self.runs else 'predictions'}"

    @property
    def subtitle(self) -> str:
        """For headers: the events."""
        validated = {str(run.files["validation"]) for run in self.runs if "validation" in run.files}
        if len(validated) == 1:
            return f"validation: {validated.pop()}"
        return shortened(", ".join(member.label for member in self.members), _MOST_NAMED)

    def report(self) -> Iterator[RenderableType]:
        """Yield tables and lines for a rich console."""
        if self.differences:
            yield report.differences_table(self.differences, [run.label for run in self.runs])
        elif self.runs:
            yield "no key of the configurations, no file and no version differs"
        if self.runs:
            yield report.runs_table(self.runs, self.ranks)
        heading = "validation in the best epoch" if self.runs else "predictions"
        yield report.metrics_table(self.metrics, heading)
        yield from (f"note: {line}" for line in self.notes)

    def write(self, path: Path) -> list[Path]:
        """Draw the PDF, and write the numbers as CSV beside it."""
        drawn = draw_comparison(
            path,
            self.title,
            self.subtitle,
            self.metrics,
            lineages=self.lineages,
            differences=self.differences,
            labels=[run.label for run in self.runs],
            ranks=self.ranks,
        )
        return [drawn, report.write_csv(path.with_suffix(".csv"), self.metrics)]


def compare_runs(directories: Sequence[RunDirectory]) -> Comparison:
    """Compare trainings.

    Parameters
    ----------
    directories
        Run directories of one objective; the first is the reference.

    Raises
    ------
    AnalysisError
        If there are fewer than two different ones, they have different objectives, or no metric in common.
    """
    runs = label_runs(_different(directories))
    objectives = {run.label: run.objective for run in runs}
    if len(set(objectives.values())) > 1:
        said = ", ".join(f"{label} ({objective})" for label, objective in objectives.items())
        raise AnalysisError(f"runs of different objectives: {said}; expected runs of one objective")
    members = [Member(run.label, run, _results(run)) for run in runs]
    metrics, notes = compare_metrics(members)
    found = differences(runs)
    states = [f"{run.label}: {run.remark}" for run in runs if run.remark]
    return Comparison(
        tuple(members),
        tuple(metrics),
        (*states, *_notes_on_loss(found), *_notes_on_files(runs), *notes),
        tuple(found),
        tuple(lineages(runs)),
    )


def compare_predictions(sources: Sequence[Source], tree_name: str) -> Comparison:
    """Compare predictions for the same events with the truth.

    Parameters
    ----------
    sources
        Files of predictions, and runs with theirs; the first is the reference. Each way of recovering dead
        channels in a file counts as a file.
    tree_name
        Name of the tree in ROOT files.

    Raises
    ------
    AnalysisError
        If there is one only, it has no predictions or no truth, or they have no task in common.
    """
    results, paths = [], []
    for source in sources:
        loaded = load_columns(source.path, tree_name)
        for name, columns in split_variants(loaded.columns, loaded.name):
            results.append(collect_results(columns, name, loaded.source))
            paths.append(f"{source.path}{name.removeprefix(loaded.name)}")
    if len(results) < 2:
        raise AnalysisError(f"one file of predictions, {sources[0].path}; expected at least two")
    names = [result.name for result in results]
    labels = [name if names.count(name) == 1 else path for name, path in zip(names, paths, strict=True)]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise AnalysisError(f"{twice} is named twice; expected different files")
    members = [Member(label, None, result) for label, result in zip(labels, results, strict=True)]
    metrics, notes = compare_metrics(members)
    return Comparison(tuple(members), tuple(metrics), tuple(notes))


def _different(directories: Sequence[RunDirectory]) -> list[RunDirectory]:
    found = {directory.path.resolve(): directory for directory in directories}
    if len(found) < 2:
        named = "" if not found else f", {directories[0].path}"
        said = "one run" if found else "no run"
        raise AnalysisError(f"{said} to compare{named}; expected at least two (of one run: 'xec plot RUN')")
    return list(found.values())


def _results(run: ComparedRun) -> Results | None:
    try:
        return load_results(run.directory.path)
    except AnalysisError:
        # A run that is not finished, or reconstructs readings, has curves alone.
        return None


def _notes_on_loss(found: Sequence[Difference]) -> Iterator[str]:
    keys = differ_in_loss(found)
    if keys:
        shown = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
        yield f"losses do not mean the same in all runs ({shown} differ), and do not count for the ranks"


def _notes_on_files(runs: Sequence[ComparedRun]) -> Iterator[str]:
    validated = {run.label: run.files["validation"] for run in runs if "validation" in run.files}
    if len({files.digests for files in validated.values()}) > 1:
        said = ", ".join(f"{label}: {files}" for label, files in validated.items())
        yield f"the validation files are not the same ({said})"
