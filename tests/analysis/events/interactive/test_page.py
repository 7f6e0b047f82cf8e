"""The interactive page, as a file and in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.workspace.browser import CHROMIUM, Browser

from xec_analysis import Estimate, read_event
from xec_analysis.events.display import known_estimates
from xec_analysis.events.interactive.page import MOST_EVENTS, write_page
from xec_geometry import N_SENSORS, sensor_positions
from xec_geometry.cli.application import main

FIRST = 9  # of entries 6 to 11
SIPM, PMT = 2068, 4600

# The place of a sensor on the page; panels are photons and times.
PLACE = """(() => {
  const box = plot.getBoundingClientRect(), {xaxis: x, yaxis: y} = plot._fullLayout;
  return [box.x + x._offset + x.l2p(page.sensors.u[%d]), box.y + y._offset + y.l2p(page.sensors.v[%d])];
})()"""
HOVERED = "[...document.querySelectorAll('.hoverlayer .hovertext')].map(e => e.textContent).join(' ')"


@pytest.fixture(scope="module")
def page(events_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six events, with a prediction each."""
    events = [read_event(events_file, entry) for entry in range(6, 12)]
    shown = [
        (event, known_estimates(event, [Estimate("predicted", event.true_uvw + 1, 0.0528)]))
        for event in events
        if event.true_uvw is not None
    ]
    assert len(shown) == 6
    return write_page(shown, tmp_path_factory.mktemp("page") / "événements <1>.html", first=FIRST - 6)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.prefer("light")
    browser.open(page.as_uri())
    browser.wait_for("document.body.dataset.ready")
    return browser


def hover(browser: Browser, sensor: int) -> str:
    browser.move_mouse(2, 2)
    browser.move_mouse(*browser.wait_for(PLACE % (sensor, sensor)))
    return str(browser.wait_for(f"({HOVERED}).includes('sensor {sensor},') && ({HOVERED})"))


def check_told(shown: str, events_file: Path, entry: int, sensor: int) -> None:
    """Place, photons and time of a sensor stand in what is shown."""
    event = read_event(events_file, entry)
    photons, time = event.npho[sensor], event.time[sensor]
    shown = shown.replace("−", "-")
    assert ", ".join(f"{x:.2f}" for x in sensor_positions()[sensor]) in shown
    if np.isnan(photons):
        assert "dead" in shown
    else:
        assert float(re.search(r"cm(\S+) photons", shown)[1]) == pytest.approx(photons, rel=6e-3)
    assert ("no time" if np.isnan(time) else f"{time * 1e9:.3f} ns") in shown


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", text)
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', text)[1])
    assert len(data["events"]) == 6
    assert "http" not in json.dumps(data)


def test_a_full_page_is_below_8_mb(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    from xec_analysis.events.event import Event

    # Every sensor has a count and a time that nothing foretells.
    event = Event(Path("x.root"), 0, rng.exponential(600, N_SENSORS), rng.uniform(0, 6e-8, N_SENSORS))
    one = write_page([(event, [])], tmp_path / "1.html").stat().st_size
    eleven = []
    for entry in range(11):
        readings = rng.exponential(600, N_SENSORS), rng.uniform(0, 6e-8, N_SENSORS)
        eleven.append((Event(Path("x.root"), entry, *readings), []))
    each = (write_page(eleven, tmp_path / "11.html").stat().st_size - one) / 10
    assert one + MOST_EVENTS * each < 8e6
    with pytest.raises(ValueError, match="201 events"):
        write_page([(event, [])] * 201, tmp_path / "201.html")


def test_hovering_tells_sensor_place_and_readings(opened: Browser, events_file: Path) -> None:
    event = read_event(events_file, FIRST)
    brightest = int(np.nanargmax(event.npho[:4092]))
    dead = int(np.flatnonzero(event.dead)[3])
    for sensor in (SIPM, PMT, brightest, dead):
        check_told(hover(opened, sensor), events_file, FIRST, sensor)


def test_other_events_by_button_key_and_name(opened: Browser, events_file: Path) -> None:
    shown = "document.body.dataset.event"
    assert opened.wait_for(shown) == "3"
    opened.wait_for("document.getElementById('next').click() || true")
    opened.wait_for(f"{shown} == '4'")
    check_told(hover(opened, PMT), events_file, FIRST + 1, PMT)
    for _ in range(9):
        opened.press("ArrowLeft")
    opened.wait_for(f"{shown} == '0' && document.getElementById('previous').disabled")
    event = read_event(events_file, 6)
    opened.wait_for(f"document.title == '{event.title}'")
    assert event.truth.text() in opened.text()
    assert "predicted 52.8 MeV" in opened.text()
    opened.wait_for(
        "document.getElementById('event').value = '5', document.getElementById('event').onchange"
        "({target: {value: '5'}}) || true"
    )
    opened.wait_for(f"{shown} == '5' && document.getElementById('next').disabled")


def test_both_panels_are_zoomed_and_sensors_grow(opened: Browser) -> None:
    width = "plot.data.find(t => t.name == 'pmts').marker.size"
    before = float(opened.wait_for(width))
    x, y = opened.wait_for(PLACE % (SIPM, SIPM))
    opened.drag((x - 50, y - 80), (x + 50, y + 80))
    opened.wait_for(f"{width} > {2 * before}")
    ranges = opened.wait_for("['xaxis', 'xaxis2'].map(a => plot._fullLayout[a].range.map(x => x.toFixed(6)))")
    assert ranges[0] == ranges[1]
    # The zoom stays when the event changes.
    opened.press("ArrowRight")
    opened.wait_for("document.body.dataset.event == '4'")
    assert float(opened.wait_for(width)) > 2 * before


def test_light_dark_and_linear(opened: Browser) -> None:
    paper = "getComputedStyle(document.body).backgroundColor + plot._fullLayout.paper_bgcolor"
    light = opened.wait_for(paper)
    opened.prefer("dark")
    opened.wait_for(f"plot._fullLayout.paper_bgcolor != '#ffffff' && ({paper}) != '{light}'")
    opened.press("d")
    opened.wait_for(f"({paper}) == '{light}'")
    low = "plot._fullLayout.coloraxis.cmin"
    assert opened.wait_for(f"String({low})") != "0"
    opened.press("s")
    opened.wait_for(f"{low} === 0 && document.getElementById('scale').textContent == 'linear'")


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["17", "--html", "-n", "3"], "events_17.html"),
        (["-e", "399", "-n", "3", "-o", "last.html"], "last.html"),
        (["--html", "-n", "2"], "events_0.html"),
    ],
)
def test_the_command(events_file, tmp_path, monkeypatch, capsys, arguments, written):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["display", str(events_file), *arguments])
    assert end.value.code in (0, None)
    assert [path.name for path in tmp_path.iterdir()] == [written]
    assert capsys.readouterr().out.startswith(f"{written}: run 5 · event ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["1", "--html", "-n", "201"], "--events 201: expected 1 to 200"),
        (["1", "-n", "5"], "expected --html with it"),
        (["1", "--3d", "--html"], "--3d with --html: a page shows the unrolled detector"),
        (["1", "--html", "-o", "event.png"], "a page is called ….html"),
        (["400", "--html"], "no entry 400"),
    ],
)
def test_errors_are_one_line(events_file, tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["display", str(events_file), *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("xec: error: ")
    assert error.count("\n") == 1
    assert complaint in error
    assert not list(tmp_path.iterdir())
