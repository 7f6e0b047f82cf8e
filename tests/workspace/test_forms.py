"""The bench of the forms of the network: its table, and which forms the configuration has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tools.bench.forms import FORMS, Form, Result, accepted, mean_of, table
from tools.bench.resolution.widths import Residual

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.statistics import Number
from xec_train.config.template import template


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    path = tmp_path / "laptop.yaml"
    path.write_text(template(preset="laptop"))
    return path


def test_a_form_that_the_configuration_has_not_is_told_and_left_out(laptop: Path) -> None:
    console = Console(record=True, width=200)
    odd = Form("odd", ("model.no_such_key=1",))
    assert accepted([FORMS["preset laptop"], odd], laptop, console) == [FORMS["preset laptop"]]
    assert "odd: left out: command line: model.no_such_key: unknown key" in console.export_text()


@pytest.mark.parametrize("name", list(FORMS))
def test_every_form_is_one_of_the_configuration(name: str, laptop: Path) -> None:
    assert accepted([FORMS[name]], laptop, Console())


def test_names_are_those_of_folders() -> None:
    names = [form.network.name for form in FORMS.values()]
    assert len(set(names)) == len(names)
    assert not any(set(name) & set("/ ") for name in names)
    with pytest.raises(AnalysisError, match=r"did you mean 'hex_depth 4'"):
        FORMS.get_named("hex_depth 3")


def test_the_mean_is_that_of_the_outputs_on_events_that_both_estimate() -> None:
    values = np.random.default_rng(0).normal(0, 1, 500)
    with_gap = values.copy()
    with_gap[:100] = np.nan

    def residuals(energy: float, time: float) -> dict[str, Residual]:
        return {
            "energy": Residual("energy", "energy", "%", energy * values, None, distance=False),
            "time": Residual("timing", "time", "ps", time * with_gap, None, distance=False),
            "distance": Residual("uvwFI", "distance", "mm", np.abs(values), None, distance=True),
        }

    assert mean_of(residuals(2, 8), residuals(1, 1)).value == pytest.approx(4)


def test_the_table() -> None:
    widths = {"energy, %": Number(1.0, 0.02), "time, ps": Number(70.0, 1.0)}
    results = [Result("one", 1000, 512.3, 4.56, widths, Number(1.0, 0.0)),
               Result("other", 2000, 256.0, 2.0, widths, Number(0.9, 0.01))]  # fmt: skip
    lines = table(results).markdown().splitlines()
    assert lines[0] == "| form | parameters | events/s | epochs | energy, % | time, ps | mean |"
    assert lines[2] == "| one | 1000 | 512 | 4.56 | 1.000 ± 0.020 | 70.0 ± 1.0 | 1.00 |"
    assert lines[3].endswith("| 0.900 ± 0.010 |")
