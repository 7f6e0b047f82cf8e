"""What the report is about, and how its numbers are to be read."""

from __future__ import annotations

from collections.abc import Iterator

from xec_analysis.plots.source import Content
from xec_analysis.report.blocks import Block, Paragraph, text_table
from xec_analysis.report.section import Subject
from xec_data.tasks.table import TASKS
from xec_geometry import FACES, N_SENSORS

_DETECTOR = (
    f"The liquid-xenon detector of MEG II measures photons with {N_SENSORS} sensors on {len(FACES)} faces: "
    "each gives a number of photons and a time. A neural network reads them all and tells what photon it was."
)
_READING = (
    "“68 %” is half the width of the central interval that holds 68 % of the differences "
    "prediction − {reference}; for a Gaussian it is one standard deviation. It does not feel tails, which "
    "the RMS (standard deviation of all differences) does. “Core σ” is the width of the curve that fits the "
    "middle, “bias” the mean difference, “skewness” tells to which side the longer tail goes. "
    "A pull is a difference over the σ that the network predicted for it: its width is 1 where σ is right. "
    "Of an opening angle or a distance, 68 % of the events are below the number. "
    "“±” is the statistical error."
)


def overview(subject: Subject) -> list[Block]:
    """Return name and kind of the subject, and explanations."""
    plots = subject.plots
    blocks: list[Block] = [Paragraph(_DETECTOR), text_table((), _facts(subject))]
    if {Content.PREDICTIONS, Content.COMPARISON} & plots.contents:
        tasks = {task: TASKS[task] for results in plots.results for task in results.tasks}
        outputs = [
            (task, spec.meaning, ", ".join(f"{out.label or out.name}" for out in spec.outputs))
            for task, spec in tasks.items()
        ]
        blocks.append(text_table(("task", "what is told", "outputs"), outputs, "What the network tells"))
        blocks.append(Paragraph(_READING.format(reference=plots.results[0].reference.name)))
    return blocks


def _facts(subject: Subject) -> Iterator[tuple[str, object]]:
    plots = subject.plots
    if plots.run is None:
        yield "files" if len(plots.paths) > 1 else "file", ", ".join(path.name for path in plots.paths)
    else:
        yield "run", plots.run.name
        yield "objective of the training", plots.objective
        if plots.run.checkpoint_best.is_file():
            from xec_models.checkpoint.reading import read_checkpoint

            yield "best epoch", read_checkpoint(plots.run.checkpoint_best).epoch
    if {Content.PREDICTIONS, Content.COMPARISON} & plots.contents:
        results = next(iter(plots.results[0].tasks.values()))
        yield "events in the plots", f"{results.n_events:,}"
        yield "compared with", results.reference.name
    elif Content.RECONSTRUCTION in plots.contents:
        yield "events in the plots", f"{len(plots.reconstruction):,}"
