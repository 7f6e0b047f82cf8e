"""Shares of the faces, units and plots of a saliency."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from xec_analysis.events.event import read_event
from xec_analysis.saliency.measurement import Saliency
from xec_analysis.saliency.pages import draw_saliency, slope_unit
from xec_analysis.saliency.table import saliency_tables, write_shares
from xec_data.tasks.table import TASKS
from xec_geometry import FACES, N_SENSORS, face_ids
from xec_geometry.cli.application import main


@pytest.fixture
def saliency(events_file: Path) -> Saliency:
    """Of energy and u: photons of all sensors count alike, a time nine times as much on the inner face."""
    values = np.ones((2, N_SENSORS, 2))
    values[:, :, 1] = 0
    values[:, face_ids("inner"), 1] = 9
    outputs = (TASKS["energy"].outputs[0], TASKS["uvwFI"].outputs[0])
    return Saliency(
        outputs, 40, 1e-6 * values, values, values, read_event(events_file, 3), values, -values,
        incompleteness=np.array([0.001, 0.2]), n_unknown=2,
        tokens=("inner", "outer"), attention=np.full((2, 2, 2), 0.5), event_attention=np.full((2, 2, 2), 0.5),
    )  # fmt: skip


def test_shares_add_up(saliency: Saliency) -> None:
    for measure in ("gradient_input", "integrated"):
        shares = saliency.shares(measure)
        assert shares.shape == (2, len(FACES), 2)
        np.testing.assert_allclose(shares.sum(axis=(1, 2)), 1)
        total = N_SENSORS + 9 * 4092
        np.testing.assert_allclose(shares[0, :, 0], [len(face_ids(face)) / total for face in FACES])
        np.testing.assert_allclose(shares[0, 0, 1], 9 * 4092 / total)
    np.testing.assert_allclose(saliency.shares("gradient").sum(axis=1), 1)


def test_the_table_tells_shares_and_what_is_missing(saliency: Saliency) -> None:
    console = Console(width=160, record=True)
    for part in saliency_tables(saliency):
        console.print(part)
    text = console.export_text()
    assert "88.6" in text
    assert "within 20 % (u)" in text
    assert "note: the outputs turn too steeply" in text
    assert "2 events without an answer" in text


def test_the_shares_as_a_file(saliency: Saliency, tmp_path: Path) -> None:
    with write_shares(saliency, tmp_path / "shares.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * len(FACES)
    of_u = [row for row in rows if row["output"] == "u"]
    assert sum(float(row["share_integrated"]) for row in of_u) == pytest.approx(1)
    (inner_times,) = (row for row in of_u if (row["face"], row["readings"]) == ("inner", "times"))
    assert float(inner_times["share_integrated"]) == pytest.approx(9 * 4092 / (N_SENSORS + 9 * 4092))
    assert float(inner_times["share_gradient"]) == pytest.approx(1)
    assert float(inner_times["mean_slope"]) == pytest.approx(9e-6)
    assert float(inner_times["missed"]) == pytest.approx(0.2)


def test_units_of_slopes(saliency: Saliency) -> None:
    energy, u = saliency.outputs
    unit = slope_unit(energy, np.array([0.0, 2e-6]), "photon")
    assert (unit.name, unit.factor * 2e-6) == ("10⁻³ MeV/photon", pytest.approx(2.0))
    unit = slope_unit(u, np.array([-0.3]), "ns")
    assert (unit.name, unit.factor * 0.3) == ("mm/ns", pytest.approx(3.0))


def test_plots(saliency: Saliency, tmp_path: Path, written_texts: list[list[str]]) -> None:
    paths = draw_saliency(saliency, "run", tmp_path, "png")
    names = [
        "saliency_profile_run.png",
        "saliency_shares_run.csv",
        "saliency_map_energy_run.png",
        "saliency_map_u_run.png",
        "attention_run.png",
    ]
    assert [path.name for path in paths] == names
    assert {"upstream", "bottom", "88.6"} <= set(written_texts[0])
    assert {"fusion layer 2, one event", "attention [%]", "50"} <= set(written_texts[3])
    assert {"10⁻³ MeV/photon", "MeV"} <= set(written_texts[1])


def test_a_file_has_no_saliency(events_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plot", str(events_file), "--saliency", "5"])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert "no saliency: it is that of the network in the run of a regressor" in error
    assert error.count("\n") == 1
