"""The main plots look as they did: small pictures without text, which another matplotlib draws alike.

After a wanted change, ``XEC_NEW_PICTURES=1 pytest …/test_pictures.py`` draws them anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.testing.compare import compare_images
from matplotlib.testing.decorators import remove_ticks_and_titles
from matplotlib.text import Text
from PIL import Image
from scipy.ndimage import uniform_filter

from xec_analysis import collect_results
from xec_analysis.resolution.pages import figures_of
from xec_analysis.runs.training_curves import Curve, curve_figures, panels_of
from xec_analysis.style.figures import style
from xec_geometry import FACES
from xec_models.regressor.predictions import SIGMA

_EXPECTED = Path(__file__).with_name("pictures")
_DPI = 40
# Root mean square of the differences of 8-bit colours. Edges drawn a little differently stay below.
_TOLERANCE = 4.0
# The same of the worst square of so many pixels, after neighbouring pixels are averaged: a curve that is
# missing in one panel gives 14 or more, lines that are a tenth thicker at most 4.4.
_SQUARE, _TOLERANCE_OF_SQUARE = 20, 7.0


def _sample(make_columns: Callable[..., dict[str, np.ndarray]], widths: dict[str, float]) -> Iterator[Figure]:
    columns = make_columns(1500)
    rng = np.random.default_rng(5)
    for name, width in widths.items():
        columns[f"{SIGMA}{name}"] = width * rng.uniform(0.8, 1.2, 1500)
    results = collect_results(columns, "sample", Path("sample.root"), ["uvwFI", "energy", "n_gamma"])
    for result in results.tasks.values():
        yield from figures_of(result, "sample")


def _curves() -> Iterator[Figure]:
    epoch = np.arange(1.0, 11.0)
    curves = {"train/loss": Curve(epoch, 3 * epoch**-0.7), "val/loss": Curve(epoch, 3.2 * epoch**-0.6)}
    curves |= {f"loss_{face}": Curve(epoch, (k + 1) * epoch**-0.5) for k, face in enumerate(FACES)}
    yield from curve_figures("sample", panels_of(curves), curves)


def _without_text(figure: Figure) -> None:
    """Take out all letters, whose shape and size are those of the fonts of a machine, and what they move."""
    figure.set_layout_engine("none")
    remove_ticks_and_titles(figure)
    for ax in figure.axes:
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    for text in figure.findobj(Text):
        text.set_text("")


def _worst_square(one: Path, other: Path) -> float:
    """Return the root mean square of the differences in the square where it is largest."""
    colours = [np.asarray(Image.open(path).convert("RGB"), np.float64) for path in (one, other)]
    squares = uniform_filter(uniform_filter(colours[0] - colours[1], (3, 3, 0)) ** 2, (_SQUARE, _SQUARE, 0))
    return float(np.sqrt(squares.mean(axis=2).max()))


def _write(figure: Figure, path: Path) -> Path:
    with style():
        figure.savefig(path, dpi=_DPI)
    return path


@pytest.mark.parametrize("what", ["profiles", "curves"])
def test_pictures(
    what: str,
    tmp_path: Path,
    make_columns: Callable[..., dict[str, np.ndarray]],
    widths: dict[str, float],
) -> None:
    figures = _sample(make_columns, widths) if what == "profiles" else _curves()
    different = []
    for number, figure in enumerate(figures, start=1):
        _without_text(figure)
        actual = _write(figure, tmp_path / f"{what}_{number}.png")
        expected = _EXPECTED / actual.name
        if os.environ.get("XEC_NEW_PICTURES"):
            shutil.copyfile(actual, expected)
        # Beside the copy, where the picture of the difference is written.
        copy = tmp_path / f"expected_{actual.name}"
        shutil.copyfile(expected, copy)
        difference = compare_images(str(copy), str(actual), tol=_TOLERANCE)
        different += [difference] if difference else []
        worst = _worst_square(copy, actual)
        different += [f"{actual}: {worst:.1f} in a square"] if worst > _TOLERANCE_OF_SQUARE else []
    assert not different, "\n".join(different)


def test_a_missing_curve_is_seen_and_thicker_lines_are_not(
    tmp_path: Path, make_columns: Callable[..., dict[str, np.ndarray]], widths: dict[str, float]
) -> None:
    figure = next(_sample(make_columns, widths))
    _without_text(figure)
    whole = _write(figure, tmp_path / "whole.png")
    lines = figure.findobj(Line2D)
    for line in lines:
        line.set_linewidth(1.1 * line.get_linewidth())
    thicker = _write(figure, tmp_path / "thicker.png")
    for line in lines:
        line.set_linewidth(line.get_linewidth() / 1.1)
    next(line for line in lines if str(line.get_label()).startswith("fit")).remove()
    without = _write(figure, tmp_path / "without.png")
    assert _worst_square(whole, thicker) < _TOLERANCE_OF_SQUARE < _worst_square(whole, without)
