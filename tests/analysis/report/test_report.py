"""The page of a report, as a file."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.plots.plot_sets import PLOT_SETS, PlotSet
from xec_analysis.plots.source import Content, PlotSource
from xec_analysis.report import receivers
from xec_analysis.report.blocks import Commands, Paragraph, terminal_block
from xec_analysis.report.page import MOST_BYTES, write_report
from xec_analysis.report.pictures import embed_pictures
from xec_analysis.report.section import Section
from xec_analysis.report.sections import SECTIONS
from xec_data.reading.columns import read_columns
from xec_geometry.errors import XecError
from xec_models.checkpoint.run_directory import RunDirectory


def plain(text: str) -> str:
    """Words of a page, without its marks."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.S)).split())


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < MOST_BYTES
    assert not re.search(r"<script|@import|url\(", text)
    loaded = re.findall(r"""\s(?:src|href)="([^"]*)""", text)
    assert loaded
    assert all(address.startswith(("#", "data:")) for address in loaded)
    identities = re.findall(r'\sid="([^"]*)"', text)
    assert len(identities) == len(set(identities))
    assert {a[1:] for a in loaded if a.startswith("#")} <= set(identities)


def test_every_picture_is_a_small_png_with_words(page: Path) -> None:
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', page.read_text("utf-8"))
    # Two tasks, the curves, and three events.
    assert len(pictures) >= 6
    for content, alt in pictures:
        assert base64.b64decode(content).startswith(b"\x89PNG")
        assert ": " in alt
    assert page.read_text("utf-8").count("<figcaption>") == len(pictures)


def test_names_and_values_stay_text(page: Path, run: RunDirectory) -> None:
    text = page.read_text(encoding="utf-8")
    assert run.name == 'night <3> & "x"'
    assert f"<h1>{run.name}</h1>" in html.unescape(text)
    assert "<3>" not in text
    assert "<b>bold</b>" not in text
    assert "<b>bold</b> {{ name }} {% if %}" in plain(text)


def test_widths_are_those_of_the_residuals(page: Path, residuals: dict[str, np.ndarray]) -> None:
    words = plain(page.read_text(encoding="utf-8"))
    for name, factor in (("u", 10.0), ("v", 10.0), ("timing", 1e12)):
        written = "time" if name == "timing" else name
        value, error = re.search(
            rf"network (?:uvwFI|timing) {written} ([\d.]+) ± ([\d.]+) [\d.± ]*[+−]", words
        ).groups()
        low, high = np.percentile(residuals[name], [16, 84])
        width = (high - low) / 2 * factor
        digits = len(value.partition(".")[2])
        assert value == f"{width:.{digits}f}"
        # Of a Gaussian: 0.96 of the width over the root of their number.
        assert float(error) == pytest.approx(0.96 * width / 20, rel=0.25)


def test_the_widths_stand_there_once(page: Path) -> None:
    words = plain(page.read_text(encoding="utf-8"))
    assert "prediction − truth, events:" not in words
    assert words.count("68 % core σ bias RMS unit skewness") == 1


def test_what_stands_in_it(page: Path) -> None:
    words = plain(page.read_text(encoding="utf-8"))
    for told in (
        "68 % width of network simple refined limit unit",
        "Cramér–Rao bound",
        "on 400 events of the validation",
        "f00d" * 8,
        "Dead channels: dead.txt",
        "dead_channels_1.txt 2",
        "2.5e-07",
        "data.val_path",
        "xec train",
        "xec-models",
    ):
        assert told in words, told


def test_a_file_of_predictions(
    tmp_path: Path, make_columns: Callable[..., Any], write_tree: Callable[..., Path]
) -> None:
    file = write_tree(tmp_path / "some.root", make_columns(200))
    words = plain(write_report(PlotSource(file, ["energy"]), tmp_path / "r.html").read_text("utf-8"))
    assert "stand in the report of a run" in words
    assert "SHA-256 some.root" in words
    assert "Configuration" not in words
    assert f"xec report {file}" in words


def test_reconstructed_readings(tmp_path: Path, events_file: Path, write_tree: Callable[..., Path]) -> None:
    raw = {name: values[:4] for name, values in read_columns(events_file).items()}
    npho = raw["npho"]
    valid = np.abs(npho) < 9e9
    folder = tmp_path / "mae_1"
    folder.mkdir()
    (folder / "config.yaml").write_text("objective: mae\n")
    run = RunDirectory(folder)
    columns = {
        "run": raw["run"],
        "event": raw["event"],
        "mask": (valid & (np.arange(npho.shape[1]) % 3 == 0)).astype(np.uint8),
        "truth_npho": npho,
        "pred_npho": np.where(valid, 1.1 * npho, 5.0).astype(np.float32),
        "error_npho": np.where(valid, 0.1 * npho, np.nan).astype(np.float32),
    }
    write_tree(run.reconstruction, columns)
    text = write_report(PlotSource(folder), tmp_path / "r.html").read_text("utf-8")
    words = plain(text)
    assert "hidden sensors of 4 events" in words
    assert "objective of the training mae" in words
    assert "Results" not in words
    assert "reconstruction: Errors of the reconstructed photons: mae_1" in html.unescape(text)


def test_without_what_is_needed_there_is_no_page(tmp_path: Path, write_tree: Callable[..., Path]) -> None:
    file = write_tree(tmp_path / "empty.root", {"run": np.zeros(3, np.int32)})
    with pytest.raises(XecError, match="no predictions in it"):
        write_report(PlotSource(file), tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("onnx_description", "{", "no description of an exported network: JSONDecodeError"),
        ("onnx_description", "{}", "no description of an exported network: KeyError: 'parity'"),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    from xec_analysis.report.exported import exported
    from xec_analysis.report.section import Subject

    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.yaml").write_text("tasks: {}\n")
    getattr(RunDirectory(copy), name).write_text(text)
    with pytest.raises(AnalysisError, match=complaint):
        exported(Subject(PlotSource(copy), tmp_path))


def test_plots_and_sections_of_others(
    tmp_path: Path, make_columns: Callable[..., Any], write_tree: Callable[..., Path]
) -> None:
    def draw(_: PlotSource, folder: Path, kind: str) -> list[Path]:
        from xec_analysis.style.figures import new_page, save
        from xec_geometry.support.output import make_folder

        return [save(new_page(3, 2, "x"), make_folder(folder) / f"pile_up.{kind}")]

    file = write_tree(tmp_path / "some.root", make_columns(100))
    needs = frozenset({Content.PREDICTIONS})
    PLOT_SETS.register(
        PlotSet("pile up", needs, draw, lambda _: iter(["note: 3 < 4"]), meaning="Two photons.")
    )
    SECTIONS.register(Section("beam", "Beam", lambda subject: [Commands([subject.name]), Paragraph("muons")]))
    try:
        text = write_report(PlotSource(file, ["energy"]), tmp_path / "r.html").read_text("utf-8")
    finally:
        PLOT_SETS.unregister("pile up")
        SECTIONS.unregister("beam")
    assert re.search(r'<section id="plots-pile-up".*Two photons\..*3 &lt; 4.*alt="pile up: x"', text, re.S)
    assert re.search(r'<a href="#beam">Beam</a>.*<pre><code>some\n</code></pre>\s*<p>muons</p>', text, re.S)


def test_tables_of_the_terminal_keep_bold_and_brackets() -> None:
    from rich.table import Table

    table = Table(title="a [bold]title[/]")
    table.add_column("what")
    table.add_column("x", justify="right")
    table.add_row(r"photons \[1]", "[bold]1.0 ± 0.1[/]")
    block = terminal_block(table)
    assert block.caption == "a title"
    assert [(cell.text, cell.strong) for cell in block.rows[0]] == [
        ("photons [1]", False),
        ("1.0 ± 0.1", True),
    ]
    assert block.numeric == [False, True]


def test_pictures_are_made_to_fit(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (60, 1600, 3), np.uint8)
    Image.fromarray(noise).save(path)
    (large,) = embed_pictures([path], 10**7)
    (small,) = embed_pictures([path], len(large) // 2)
    assert len(small) <= len(large) // 2
    with pytest.raises(AnalysisError, match="1 pictures of 500 pixels take"):
        embed_pictures([path], 100)


def test_the_command(
    report: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    make_columns: Callable[..., Any],
    write_tree: Callable[..., Path],
) -> None:
    file = write_tree(tmp_path / "some.root", make_columns(60))
    code, out, _ = report(file, "--task", "energy")
    assert (code, out) == (0, f"{tmp_path / 'report_some.html'}: 0.1 MB\n")
    for arguments, complaint in (
        ((file,), "report_some.html exists"),
        ((file, "-o", "x.pdf"), "expected a name that ends in .html"),
        ((file, "-o", file), "it is the input"),
        (
            (file, "--display", "3", "-o", tmp_path / "d.html", "--task", "energy"),
            "names no files with readings",
        ),
    ):
        code, _, err = report(*arguments)
        assert code != 0
        assert complaint in err
        assert err.count("\n") == 1


def test_pages_of_runs_are_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    class Point:
        name = "logbook"

        @staticmethod
        def load() -> Callable[[Path, Path], list[str]]:
            return lambda run, page: sent.append((run, page)) or ["taken"]

    class Broken(Point):
        @staticmethod
        def load() -> Callable[[Path, Path], list[str]]:
            raise ImportError("no such thing")

    monkeypatch.setattr(receivers, "entry_points", lambda group: [Point(), Broken()])
    page = tmp_path / "report.html"
    told = list(receivers.send_page(tmp_path, page))
    assert sent == [(tmp_path, page)]
    assert told == ["taken", "'logbook' does not take report.html: ImportError: no such thing"]
