"""The page of a report in a browser, and printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.workspace.browser import CHROMIUM, Browser

from xec_analysis.plots.source import PlotSource
from xec_analysis.report.page import MOST_BYTES_DISPLAY, write_report
from xec_analysis.report.sections import SECTIONS
from xec_models.checkpoint.run_directory import RunDirectory


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def opened(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    browser.wait_for("document.readyState == 'complete' && document.querySelectorAll('section').length")


def test_pictures_and_links_work(browser: Browser, page: Path) -> None:
    opened(browser, page)
    browser.wait_for("[...document.images].length && [...document.images].every(i => i.naturalWidth > 300)")
    browser.wait_for(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"
    )
    # Nothing was loaded from elsewhere.
    names = "performance.getEntriesByType('resource').map(e => e.name)"
    browser.wait_for(f"{names}.every(name => name.startsWith('data:'))")
    assert browser.complaints == []


def test_light_dark_and_narrow(browser: Browser, page: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    browser.prefer("light")
    opened(browser, page)
    light = browser.wait_for(paper)
    browser.prefer("dark")
    browser.wait_for(f"{paper} != '{light}'")
    # Wide tables are scrolled inside the page, which is never wider than the window.
    assert browser.wait_for("document.documentElement.scrollWidth <= window.innerWidth")


def test_printed(browser: Browser, page: Path, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    opened(browser, page)
    browser.print_to(tmp_path / "report.pdf")
    pages = pypdf.PdfReader(tmp_path / "report.pdf").pages
    assert 5 <= len(pages) <= 20
    texts = [" ".join(part.extract_text().split()) for part in pages]
    assert 'night <3> & "x"' in texts[0]
    assert "How to make it again" in texts[0]
    whole = " ".join(texts)
    for told in ("Cramér–Rao bound", "dead_channels_1.txt", "xec train"):
        assert told in whole
    assert all(texts[:3])


def test_the_interactive_display_is_part_of_it(
    browser: Browser, run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The others are there without it.
    monkeypatch.setattr("xec_analysis.report.page.sections_of", lambda _: [SECTIONS["display"]])
    page = write_report(PlotSource(run.path, ["timing"]), tmp_path / "with.html", n_displayed=3)
    assert page.stat().st_size < MOST_BYTES_DISPLAY
    opened(browser, page)
    browser.wait_for("document.querySelector('iframe').contentDocument.body.dataset.ready")
    shown = browser.wait_for("document.querySelector('iframe').contentDocument.body.innerText")
    assert "predicted" in shown
    assert browser.complaints == []
