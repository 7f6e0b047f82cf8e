"""The plot sets of a run or file, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xec_analysis.plots.plot_sets import PlotSet, plot_sets_of
from xec_analysis.report.blocks import Block, Paragraph, Picture, terminal_block
from xec_analysis.report.section import Section, Subject
from xec_analysis.style.figures import description_of

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
        _picture(path, plot_set)
        for path in plot_set.draw(subject.plots, folder, _PICTURE)
        if path.suffix == f".{_PICTURE}"
    ]
    told = plot_set.in_report or plot_set.numbers
    numbers = [] if told is None else [terminal_block(part) for part in told(subject.plots)]
    if not pictures and not numbers:
        return []
    meaning: list[Block] = [Paragraph(plot_set.meaning)] if plot_set.meaning else []
    return [*meaning, *numbers, *pictures]


def _picture(path: Path, plot_set: PlotSet) -> Picture:
    title, caption = description_of(path)
    return Picture(path, f"{plot_set.name}: {title or path.stem.replace('_', ' ')}", caption)
