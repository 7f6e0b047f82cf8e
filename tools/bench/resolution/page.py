"""The page of a study: minutes to every level, and what one has to know to judge them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.bench.resolution.content import ALL, LEVELS, MEAN, Content, Training
from tools.bench.resolution.widths import TOLERANCE

from xec_analysis.resolution.digits import with_error
from xec_analysis.studies.benchmark.tables import Grid
from xec_geometry.support.output import atomic_output

NOTES = (
    (
        "The learning rate falls until the end of the whole time: a network within it has not come to rest, "
        "and one trained for so many minutes alone would be better. Minutes to a level are upper limits."
    ),
    (
        "Minutes are those of the training, with its preparation and the validations after each epoch; "
        "the measurement of the widths is not in them. Between two points a width is a power of the time. "
        f"A level is reached when no later point is more than {100 * TOLERANCE:g} % above it."
    ),
    "Stands at: the width at the end over the refined one.",
    f"'{ALL}': the quantity that needs longest; '{MEAN}': of all outputs, over the refined widths.",
)


def time_grid(content: Content, training: Training) -> Grid:
    """Return the table of a network: minutes to each level."""
    rows = []
    courses, times = content.over_refined(training), content.times(training)
    for name, course in courses.items():
        quantity, last = content.quantities.get(name), course.widths[-1].value
        refined, unit = (with_error(quantity.refined), quantity.unit) if quantity else ("", "")
        reached = (str(time) or f"not within {training.minutes:.3g} min" for time in times[name])
        rows.append((name, unit, refined, *reached, f"{last:.3f}"))
    header = ("quantity", "unit", "refined", *(f"min to {level.name}" for level in LEVELS), "stands at")
    return Grid(f"{training.network.title}: {training.minutes:.3g} min", header, tuple(rows), first_number=2)


def page(content: Content) -> str:
    """Return the page in Markdown."""
    return "\n\n".join(_paragraphs(content)) + "\n"


def write_page(content: Content, path: Path) -> Path:
    """Write the page in Markdown."""
    with atomic_output(path) as temporary:
        temporary.write_text(page(content), encoding="utf-8")
    return path


def _paragraphs(content: Content) -> Iterator[str]:
    yield "# Minutes until a network is as good as the conventional reconstruction"
    yield f"Measured by `{content.command}`: {content.machine}."
    yield f"68 % widths of {content.events} test events; refined: the refined conventional reconstruction."
    yield "\n".join(f"- {note}" for note in NOTES)
    for training in content.trainings:
        grid = time_grid(content, training)
        yield f"## {grid.title}"
        if training.network.remarks:
            yield "\n".join(f"- {remark}" for remark in training.network.remarks)
        yield grid.markdown()
    yield "## Widths in the course of the trainings"
    for training in content.trainings:
        grid = course_grid(content, training)
        yield f"{grid.title}:"
        yield grid.markdown()


def course_grid(content: Content, training: Training) -> Grid:
    """Return the table of a network's widths at every point."""
    names = list(training.courses)
    minutes = training.courses[names[0]].minutes
    rows = [
        (f"{t:.3g}", *(with_error(training.courses[name].widths[k]) for name in names))
        for k, t in enumerate(minutes)
    ]
    header = ("min", *(f"{name} [{content.quantities[name].unit}]" for name in names))
    return Grid(training.network.title, header, tuple(rows), first_number=0)
