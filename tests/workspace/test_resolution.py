"""The bench of the time to resolution: crossings of levels, recipes, snapshots, table and figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tools.bench.plain_form import PlainRegressor
from tools.bench.resolution.content import ALL, MEAN, Content, Machine, quantities_of, training_of
from tools.bench.resolution.figure import draw
from tools.bench.resolution.networks import EARLIER_RECIPE, NETWORKS, all_settings, choose_networks
from tools.bench.resolution.page import NOTES, page
from tools.bench.resolution.snapshots import Snapshots, main, moments, read_snapshots
from tools.bench.resolution.widths import TOLERANCE, Course, Residual, Time

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.statistics import Number
from xec_analysis.studies.benchmark.commands import PLAIN_RUN
from xec_analysis.style.figures import description_of
from xec_data import SimulationConfig
from xec_data.simulation.file import simulate_file
from xec_models.checkpoint.building import load_model
from xec_train.config.earlier.conversion import convert_config
from xec_train.config.loading import load_config
from xec_train.config.template import template
from xec_train.engine.time_limit import TimeLimit
from xec_train.regression.objective import Regression

MINUTES = (1.0, 4.0, 16.0)
MACHINE = Machine("2026-01-01", "a processor", "all cores", "abc")


def course(*widths: float) -> Course:
    return Course(MINUTES, tuple(Number(width, 0.01) for width in widths))


def test_a_level_is_reached_on_a_power_of_the_time() -> None:
    falling = course(8.0, 4.0, 2.0)
    for level in (6.0, 4.0, 3.0, 2.5):
        # w = 8/√t
        assert falling.time_to(level / (1 + TOLERANCE)).minutes == pytest.approx((8.0 / level) ** 2)
    assert falling.time_to(1.9) == Time(None)
    assert falling.time_to(8.0) == Time(1.0, earlier=True)
    assert falling.time_to(8.0 / (1 + TOLERANCE)) == Time(1.0, earlier=True)


def test_a_level_is_reached_for_good() -> None:
    assert course(2.0, 9.0, 3.0).time_to(3.0 / (1 + TOLERANCE)).minutes == pytest.approx(16.0)
    assert course(2.0, 1.0, 3.0).time_to(2.0) == Time(None)
    assert course(float("nan"), float("nan"), 1.0).time_to(0.5) == Time(None)


@pytest.mark.parametrize(
    ("time", "text"), [(Time(None), ""), (Time(0.5, True), "< 0.5"), (Time(3.14159), "3.14")]
)
def test_how_a_time_is_written(time: Time, text: str) -> None:
    assert str(time) == text


def test_the_earlier_recipe_is_that_of_its_documents(tmp_path: Path) -> None:
    path = tmp_path / "earlier.yaml"
    converted = convert_config(EARLIER_RECIPE)
    path.write_text(converted.text("earlier.yaml"))
    assert not any("left out" in note for note in converted.notes)
    config: Any = load_config(path, all_settings(NETWORKS["earlier"], 60)).config
    assert (config.model.layout, config.model.encoder_dim, config.model.anchor) == ("xec-ml-wl", 1024, "none")
    assert (config.training.optimizer, config.training.lr, config.training.scheduler) == (
        "adamw",
        3e-4,
        "cosine",
    )
    assert config.training.warmup_epochs / config.training.epochs == 2 / 20
    assert config.training.max_minutes == 60
    assert [task.loss_fn for task in config.enabled_tasks.values()] == ["smooth_l1", "l1", "l1", "mse"]


def test_scaling_constants_are_those_of_all_networks(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "laptop.yaml", tmp_path / "earlier.yaml"
    ours.write_text(template(preset="laptop"))
    theirs.write_text(convert_config(EARLIER_RECIPE).text("earlier.yaml"))
    one, other = (load_config(path).config.normalization for path in (ours, theirs))
    assert one.model_copy(update={"npho_scheme": other.npho_scheme}) == other


def test_networks_are_chosen_by_name() -> None:
    assert [network.name for network in choose_networks("earlier,laptop,earlier")] == ["earlier", "laptop"]
    with pytest.raises(AnalysisError, match=r"--networks: unknown network 'laptpo' \(did you mean 'laptop'"):
        choose_networks("laptpo")


def test_moments_are_evenly_spaced_on_a_log_scale() -> None:
    at = moments(60, 12)
    assert len(at) == 11
    assert at[0] == pytest.approx(30)
    assert np.diff(np.log(at)) == pytest.approx(np.log(120) / 11)
    assert moments(60, 1) == []


def test_moments_within_one_step_give_one_snapshot(tmp_path: Path) -> None:
    now = [0.0]

    def save(_: object, path: Path) -> None:
        now[0] += 7
        path.touch()

    limit = TimeLimit(None, lambda: now[0])
    writer = SimpleNamespace(save_weights=save)
    loop: Any = SimpleNamespace(time_limit=limit, writer=writer, state=None, complete_pending=lambda: None)
    hook = Snapshots(tmp_path, [1.0, 2.0, 3.0, 30.0])
    for step in (0.5, 2.0, 10.0, 10.0, 10.0, 10.0):
        now[0] += step
        assert not hook(loop)
    assert list(read_snapshots(tmp_path)) == [2.5, 12.5, 32.5]


def test_a_training_in_the_plain_form_keeps_its_network_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("train.root", 12), ("val.root", 6)):
        simulate_file(tmp_path / name, SimulationConfig(seed=count, energy=(0.02, 0.06)), count)
    monkeypatch.chdir(tmp_path)
    path, kept = tmp_path / "earlier.yaml", tmp_path / "kept"
    path.write_text(convert_config(EARLIER_RECIPE).text("earlier.yaml"))
    kept.mkdir()
    settings = [
        *PLAIN_RUN,
        "training.epochs=2",
        "data.batch_size=4",
        "data.num_workers=0",
        "model.encoder_dim=64",
    ]
    settings += ["model.dim_feedforward=32", "model.num_fusion_layers=1", "mlflow.run_name=a"]
    monkeypatch.setattr("sys.argv", ["", json.dumps(["kept", [0.0], True]), str(path), *settings])
    built: list[object] = []
    monkeypatch.setattr(Regression, "build_network", Regression.build_network)
    monkeypatch.setattr(
        PlainRegressor, "forward_standardized", seen(PlainRegressor.forward_standardized, built)
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert built
    (snapshot,) = read_snapshots(kept).values()
    first, last = (
        load_model(file) for file in (snapshot, tmp_path / "artifacts" / "a" / "checkpoint_last.pth")
    )
    assert [p.shape for p in first.parameters()] == [p.shape for p in last.parameters()]
    assert any(bool((a != b).any()) for a, b in zip(first.parameters(), last.parameters(), strict=True))


def test_a_training_that_is_refused_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [json.dumps(["kept", [], False]), str(tmp_path / "none.yaml")]
    monkeypatch.setattr("sys.argv", ["", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: no such configuration file: ")


def seen(function: Callable[..., Any], calls: list[object]) -> Callable[..., Any]:
    """The function, with a list of what it is called on."""

    def noted(first: object, *arguments: object) -> Any:
        calls.append(first)
        return function(first, *arguments)

    return noted


def residuals(factor: float) -> dict[str, Residual]:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, 400)
    values[0] = np.nan
    return {
        "energy": Residual("energy", "energy", "%", factor * values, None, distance=False),
        "time": Residual("timing", "time", "ps", factor**3 * values, None, distance=False),
        "distance": Residual("uvwFI", "distance", "mm", 3 * factor**2 * np.abs(values), None, distance=True),
    }


@pytest.fixture
def content() -> Content:
    curves = {"laptop": (1.0, 0.9, 0.7), "earlier": (30.0, 3.0, 1.2)}
    trainings = tuple(
        training_of(NETWORKS[name], dict(zip(MINUTES, map(residuals, factors), strict=True)))
        for name, factors in curves.items()
    )
    return Content("a command", MACHINE, 400, quantities_of(residuals(1.0)), trainings)


def test_widths_over_the_refined_ones(content: Content) -> None:
    over = content.over_refined(content.trainings[1])
    values = {name: [number.value for number in of.widths] for name, of in over.items()}
    assert values["energy"] == pytest.approx([30, 3, 1.2])
    assert values["distance"] == pytest.approx([900, 9, 1.44])
    assert values[ALL] == values["time"]
    # The distance is made of other outputs.
    assert values[MEAN] == pytest.approx(np.sqrt(np.multiply(values["energy"], values["time"])))


def test_the_page(content: Content, tmp_path: Path) -> None:
    text = page(content)
    assert "Measured by `a command`: 2026-01-01, a processor, threads: all cores, commit abc." in text
    assert all(note in text for note in NOTES)
    assert all(remark in text for remark in NETWORKS["earlier"].remarks)
    ours, theirs = (part.splitlines() for part in text.split("\n## ")[1:3])
    (energy,) = (line for line in ours if line.startswith("| energy |"))
    expected = 4 * 4 ** (np.log(0.9 / (0.75 * 1.005)) / np.log(0.9 / 0.7))
    assert energy.endswith(f"| < 1 | {expected:.3g} | 0.700 |")
    (together,) = (line for line in theirs if line.startswith(f"| {ALL} |"))
    assert together.endswith("| not within 16 min | not within 16 min | 1.728 |")
    numbers = json.loads(content.write(tmp_path / "a.json").read_text())
    assert numbers["minutes_to_level"]["earlier"]["energy"]["refined"] == {"minutes": None, "earlier": False}
    assert numbers["trainings"][0]["courses"]["energy"]["minutes"] == list(MINUTES)


def test_the_figure(content: Content, tmp_path: Path) -> None:
    pdf, png = draw(content, tmp_path / "time.to")
    assert (pdf.name, png.name) == ("time.to.pdf", "time.to.png")
    assert pdf.stat().st_size > 10_000
    assert "understate shorter trainings" in description_of(png)[1]
