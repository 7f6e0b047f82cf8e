"""Style of all figures of xec: colours that colour-blind readers can tell apart, sizes, saving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xec_analysis.errors import AnalysisError
from xec_geometry.support.output import atomic_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito, made for colour vision deficiencies.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
YELLOW = "#E69F00"
WHITE = "#FFFFFF"
BLACK = "#222222"
GREY = "#8A8A8A"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, BLACK)

DENSITY_MAP = "viridis"
SIGNED_MAP = "RdBu_r"
NPHO_MAP = "viridis"
TIME_MAP = "plasma"

FORMATS = ("pdf", "png", "svg")

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.edgecolor": BLACK,
    "axes.axisbelow": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "savefig.dpi": 150,
    # Text stays text, so that a figure can be edited and searched; the same file every time.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "xec",
}

_DESCRIPTION = "Description"

_TIMELESS: dict[str, dict[str, str | None]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Draw everything inside the block in the style of xec; restore the caller's settings afterwards."""
    import matplotlib as mpl
    from matplotlib.rcsetup import cycler

    with mpl.rc_context(_SETTINGS | {"axes.prop_cycle": cycler(color=CYCLE)}):
        yield


SLIDE = (10.67, 6.0)
"""Width and height in inches, 16 : 9: letters of 8 points can be read when the figure fills a slide."""

_HEADER, _FOOT = 0.62, 0.2


def new_slide(title: str, subtitle: str = "", key: str = "", caption: str = "") -> Figure:
    """Create a figure of the size of a slide with a header; the axes below are laid out automatically.

    Parameters
    ----------
    title, subtitle
        Two lines of the header.
    key
        Meaning of points and colours, at the right end of the foot.
    caption
        As for `new_page`.
    """
    # A line of its own also without a text: all slides have their panels in the same place.
    figure = new_page(SLIDE[0], SLIDE[1] - _HEADER, title, subtitle or " ", caption=caption)
    engine = figure.get_layout_engine()
    if key and engine is not None:
        foot, header = _FOOT / SLIDE[1], _HEADER / SLIDE[1]
        engine.set(rect=(0.0, foot, 1.0, 1.0 - header - foot))  # type: ignore[call-arg]
        figure.text(1 - 0.12 / SLIDE[0], 0.3 * foot, key, va="bottom", ha="right", fontsize=8, color="0.35")
    return figure


def new_page(
    width: float, height: float, title: str, subtitle: str = "", key: str = "", caption: str = ""
) -> Figure:
    """Create a figure with a header; the axes below are laid out automatically.

    Parameters
    ----------
    width, height
        Size in inches, without the header.
    title, subtitle
        Two lines of the header.
    key
        Meaning of colours, at the right of the second line.
    caption
        What the panels show and how they are read, for readers who see the figure for the first time. It is
        not drawn: files carry it, behind the title, as their description (see `description_of`).
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    header = _HEADER if subtitle or key else 0.4
    total = height + header
    # rect is left, bottom, width, height.
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, rect=(0.0, 0.0, 1.0, height / total))
    figure = Figure(figsize=(width, total), layout=layout)
    margin, first, second = 0.12 / width, 1 - 0.12 / total, 1 - 0.40 / total
    figure.set_label(f"{title}\n{caption}")
    # Names of files and runs may hold dollar signs.
    figure.text(margin, first, title, va="top", fontsize=13, weight="bold", parse_math=False)
    figure.text(margin, second, subtitle, va="top", fontsize=9.5, parse_math=False)
    figure.text(1 - margin, second, key, va="top", ha="right", fontsize=9.5)
    return figure


def caption(figure: Figure, text: str) -> Figure:
    """Give a figure of `new_page` another caption, and return it."""
    title = str(figure.get_label()).partition("\n")[0]
    figure.set_label(f"{title}\n{text}")
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure atomically; the same figure gives the same file.

    Parameters
    ----------
    figure
        The figure.
    path
        The file; its suffix gives the format.

    Raises
    ------
    AnalysisError
        If the suffix names a format other than those of `FORMATS`.
    OutputError
        If the file cannot be written.
    """
    kind = check_format(path)
    with atomic_output(path) as temporary:
        figure.savefig(temporary, format=kind, metadata=_metadata(figure, kind))
    return path


def description_of(picture: Path) -> tuple[str, str]:
    """Return title and caption that `save` wrote into a PNG file; empty for pictures of others."""
    from PIL import Image

    with Image.open(picture) as opened:
        title, _, caption = str(opened.info.get(_DESCRIPTION, "")).partition("\n")
    return title, caption


def _metadata(figure: Figure, kind: str) -> dict[str, str | None]:
    label = str(figure.get_label())
    metadata = dict(_TIMELESS.get(kind, {}))
    if not label:
        return metadata
    title, _, caption = label.partition("\n")
    if kind == "pdf":
        return metadata | {"Title": title, "Subject": caption or None}
    if kind == "svg":
        return metadata | {"Title": title, "Description": caption}
    return metadata | {_DESCRIPTION: label}


def save_sheets(figures: Iterable[Figure], path: Path) -> list[Path]:
    """Write figures that belong together: the pages of one PDF, or a file each in the other formats.

    Parameters
    ----------
    figures
        At least one; each is drawn when the one before it is written.
    path
        The file; its suffix gives the format. The second figure of a PNG or SVG goes to `<name>_2.<suffix>`,
        and so on.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    AnalysisError, OutputError
        As `save`.
    """
    if check_format(path) != "pdf":
        return [
            save(figure, path if k == 1 else path.with_name(f"{path.stem}_{k}{path.suffix}"))
            for k, figure in enumerate(figures, start=1)
        ]
    from matplotlib.backends.backend_pdf import PdfPages

    # Without a date the same figures give the same file. Fonts are written at the end, in the style's way.
    with (
        style(),
        atomic_output(path) as temporary,
        PdfPages(temporary, metadata=_TIMELESS["pdf"]) as pdf,
    ):
        for figure in figures:
            figure.savefig(pdf, format="pdf")
    return [path]


def check_format(path: Path) -> str:
    """Return the format that a file's suffix names.

    Raises
    ------
    AnalysisError
        If it is not one of `FORMATS`.
    """
    kind = path.suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise AnalysisError(
            f"cannot draw {path}: format {kind or 'without a suffix'!r}; expected one of {', '.join(FORMATS)}"
        )
    return kind


def plain_log(ax: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers at 1, 2 and 5 of every decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def note(ax: Axes, text: str, x: float = 0.97, y: float = 0.95, size: float = 8.0) -> None:
    """Write a block of text into a corner of the axes, readable on top of what is drawn."""
    ax.text(
        x,
        y,
        text,
        transform=ax.transAxes,
        ha="right" if x > 0.5 else "left",
        va="top" if y > 0.5 else "bottom",
        fontsize=size,
        linespacing=1.35,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5},
        zorder=10,
    )
