"""The study of recipes: its settings are valid, and its curves come out as they went in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.bench.recipes import QUANTITIES, RECIPES, _curve, draw, main, table

from xec_analysis.errors import AnalysisError
from xec_train.config.loading import load_config
from xec_train.config.template import template
from xec_train.tracking.metrics_file import MetricsFile


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_is_a_change_of_the_preset(name: str, tmp_path: Path) -> None:
    path = tmp_path / "laptop.yaml"
    path.write_text(template(preset="laptop"))
    changed = load_config(path, RECIPES[name].settings).config
    assert (changed == load_config(path).config) == (not RECIPES[name].settings)


def test_an_unknown_recipe_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"--only: unknown recipe 'no windw' \(did you mean 'no window'"):
        main(tmp_path / "study", only="no windw")
    assert not (tmp_path / "study").exists()


def test_curves_are_drawn_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path)
    file.start({})
    for epoch in (1, 2):
        file.log({quantity.metric: 0.1 / epoch for quantity in QUANTITIES}, epoch, epoch)
    curve = list(_curve(path))
    assert [metrics[QUANTITIES[0].metric] for _, metrics in curve] == [0.1, 0.05]
    assert table({"one": curve}, 5, 100).splitlines()[-1] == "| one | 50 | 5e+10 | 0.5 | 0.5 | 0.5 | 2 |"
    draw({"one": curve, "two": curve}, tmp_path / "recipes.png")
    assert (tmp_path / "recipes.png").stat().st_size > 10_000
