"""The page of a report: its sections in one HTML file that needs nothing else."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.plots.source import PlotSource
from xec_analysis.report.blocks import Block, Picture
from xec_analysis.report.pictures import embed_pictures
from xec_analysis.report.section import Section, Subject
from xec_analysis.report.sections import sections_of
from xec_geometry.support.output import atomic_output

MOST_BYTES = 5_000_000
"""Size of a page without an interactive display."""

MOST_BYTES_DISPLAY = 8_000_000
"""Size of a page with one."""

SUFFIX = ".html"


@dataclass(frozen=True)
class _Filled:
    """A section with what stands in it."""

    section: Section
    blocks: list[Block]


def default_page(source: PlotSource) -> Path:
    """Return where the page of a run or file stands unless another name is given."""
    if source.run is not None:
        return source.run.path / f"report_{source.run.name}{SUFFIX}"
    return source.path.parent / f"report_{source.path.stem}{SUFFIX}"


def write_report(source: PlotSource, path: Path, n_displayed: int = 0) -> Path:
    """Write the report of a run or of files of predictions or reconstructed readings.

    Parameters
    ----------
    source
        The run or files.
    path
        The page, which ends in .html.
    n_displayed
        Events in an interactive display of the page; 0: it has none.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    AnalysisError
        If something that is needed is missing or damaged, or the page does not fit into its size.
    OutputError
        If it cannot be written.
    """
    if path.suffix.lower() != SUFFIX:
        raise AnalysisError(
            f"cannot write {path}: a report is one page; expected a name that ends in {SUFFIX}"
        )
    with tempfile.TemporaryDirectory(prefix="xec-report-") as folder:
        subject = Subject(source, Path(folder), n_displayed)
        filled = [
            _Filled(section, blocks) for section in sections_of(subject) if (blocks := section.build(subject))
        ]
        text = _render(subject, filled)
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _render(subject: Subject, filled: list[_Filled]) -> str:
    import jinja2

    most = MOST_BYTES_DISPLAY if subject.n_displayed else MOST_BYTES
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xec_analysis.report", "template"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    content = {
        "title": f"{subject.name} – xec report",
        "name": subject.name,
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "style": files("xec_analysis.report").joinpath("template", "page.css").read_text(encoding="utf-8"),
        "sections": filled,
    }
    paths = [block.path for part in filled for block in part.blocks if isinstance(block, Picture)]
    without = template.render(pictures=dict.fromkeys(paths, ""), **content)
    size = len(without.encode())
    if size > most:
        raise AnalysisError(
            f"the page is {size / 1e6:.1f} MB without pictures; expected at most {most / 1e6:g} MB"
        )
    pictures = dict(zip(paths, embed_pictures(paths, most - size), strict=True))
    return template.render(pictures=pictures, **content)
