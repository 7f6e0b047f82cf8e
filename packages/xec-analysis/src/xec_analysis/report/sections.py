"""The table of sections of a report."""

from __future__ import annotations

from collections.abc import Iterator

from xec_analysis.errors import AnalysisError
from xec_analysis.report.configuration import configuration
from xec_analysis.report.data import data
from xec_analysis.report.display import display
from xec_analysis.report.drawn import plot_sections
from xec_analysis.report.exported import exported
from xec_analysis.report.overview import overview
from xec_analysis.report.performance import performance
from xec_analysis.report.provenance import reproduction, version_table
from xec_analysis.report.section import Section, Subject
from xec_geometry.support.registry import Registry

SECTIONS = Registry(
    "section of a report",
    (
        Section("overview", "Overview", overview),
        Section("performance", "Results", performance),
        Section("display", "Events, interactively", display),
        Section("export", "Exported network", exported),
        Section("data", "Data", data),
        Section("configuration", "Configuration", configuration),
        Section("versions", "Versions", version_table),
        Section("reproduction", "How to make it again", reproduction),
    ),
    group="xec.report_sections",
    error=AnalysisError,
)
"""Sections by name, in their order; those of the plot sets follow `PLOTS_AFTER`."""

PLOTS_AFTER = "performance"


def sections_of(subject: Subject) -> Iterator[Section]:
    """Yield the sections of the table and those of the plot sets, in the order of the page."""
    for section in SECTIONS.values():
        yield section
        if section.name == PLOTS_AFTER:
            yield from plot_sections(subject)
