"""The page of a benchmark in Markdown."""

from __future__ import annotations

from pathlib import Path

from xec_analysis.studies.benchmark.content import Benchmark, TrainingRecord
from xec_analysis.studies.benchmark.methods import meanings
from xec_analysis.studies.benchmark.tables import Grid, remarks, set_tables
from xec_geometry.support.output import atomic_output

_MEANING = """\
68 %: half of the central interval that holds 68 % of prediction − truth; of the opening angle and the
distance what 68 % of the events stay below. RMS: standard deviation of prediction − truth; of the opening
angle and the distance the root mean square. bias: median. Pull: (prediction − truth)/σ, its width in units of
a Gaussian's: 1 if σ is right. bound: what an estimator at the Cramér–Rao bound in every event would have.
Behind ±: statistical errors. Strong: a 68 % width that is smaller than that of every other method by twice
the statistical error of their ratio on the same events. Only methods with an estimate for all events of a set
are compared; where the smallest is not clear, none is strong."""


def write_page(benchmark: Benchmark, path: Path) -> Path:
    """Write the page.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    packages = ", ".join(f"{name} {version}" for name, version in benchmark.versions.items())
    origin = f"{benchmark.date}: {benchmark.machine}; commit {benchmark.commit}; {packages}"
    parts = [
        "# Results on simulated events",
        f"Measured by `{benchmark.command}` on {origin}.",
        _MEANING,
        meanings(_methods(benchmark)),
        "## Trainings",
        _trainings(benchmark.trainings).markdown(),
    ]
    for numbers in benchmark.sets:
        first, *others = set_tables(numbers)
        parts += [f"## {first.title}", f"Set `{numbers.name}`.", first.markdown()]
        parts += remarks(numbers)
        for grid in others:
            parts += [f"{grid.title}:", grid.markdown()]
    with atomic_output(path) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _methods(benchmark: Benchmark) -> set[str]:
    return {resolution.method for numbers in benchmark.sets for resolution in numbers.resolutions}


def _trainings(trainings: tuple[TrainingRecord, ...]) -> Grid:
    rows = tuple(
        (
            t.network,
            t.title,
            f"{t.events}",
            f"{t.minutes:g} min",
            f"{t.seconds / 60:.1f} min",
            f"{t.epochs:g}",
            t.date,
            t.commit,
        )
        for t in trainings
    )
    header = ("network", "learnt from", "events", "asked", "took", "epochs", "date", "commit")
    return Grid("Trainings", header, rows, first_number=2)
