"""The plot sets of a run or file, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from xec_analysis.plots.plot_sets import PlotSet, plot_sets_of
from xec_analysis.report.blocks import Block, Paragraph, Picture, terminal_block
from xec_analysis.report.section import Section, Subject

_PICTURE = "png"


def plot_sections(subject: Subject) -> Iterator[Section]:
    """Yield a section for every plot set of the table that the subject has the contents for."""
    for plot_set in plot_sets_of(subject.plots):

        def build(about: Subject, drawn: PlotSet = plot_set) -> list[Block]:
            return _blocks(about, drawn)

        name = plot_set.name.replace(" ", "-")
        yield Section(f"plots-{name}", plot_set.name[:1].upper() + plot_set.name[1:], build)


def _blocks(subject: Subject, plot_set: PlotSet) -> list[Block]:
    folder = subject.folder / plot_set.name.replace(" ", "_")
    pictures: list[Block] = [
        Picture(path, f"{plot_set.name}: {path.stem.replace('_', ' ')}")
        for path in plot_set.draw(subject.plots, folder, _PICTURE)
        if path.suffix == f".{_PICTURE}"
    ]
    numbers = [] if plot_set.numbers is None else [terminal_block(p) for p in plot_set.numbers(subject.plots)]
    if not pictures and not numbers:
        return []
    meaning: list[Block] = [Paragraph(plot_set.meaning)] if plot_set.meaning else []
    return [*meaning, *numbers, *pictures]
