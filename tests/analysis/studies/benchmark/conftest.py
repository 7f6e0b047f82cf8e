"""A benchmark whose network is pretended: Gaussian predictions of known widths and σ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xec_analysis.studies.benchmark import commands
from xec_analysis.studies.benchmark.estimates import Estimates
from xec_analysis.studies.benchmark.sets import SETS
from xec_analysis.studies.benchmark.truth import SetTruth
from xec_analysis.studies.steps import Step
from xec_data.reading.columns import read_columns
from xec_data.simulation.configuration import SimulationConfig, parse_energy
from xec_data.simulation.file import simulate_file
from xec_data.tasks.table import TASKS
from xec_data.writing.tree_writer import TreeWriter

# In xec's units; energies relative to the truth.
NETWORK_WIDTHS = {
    "theta": 2.0,
    "phi": 0.5,
    "energy": 0.01,
    "timing": 5e-11,
    "u": 0.2,
    "v": 0.15,
    "w": 0.5,
}


def pretend_prediction(events: Path, output: Path, *, sigma_factor: float = 1.0, seed: int = 0) -> None:
    """Write a file of predictions as `xec predict` does."""
    names = ("run", "event", "energyTruth", "timeTruth", "uvwTruth", "emiAng", "emiVec")
    truth = read_columns(events, names)
    truth["emiAng"] = np.degrees(truth["emiAng"])
    true = {
        "theta": truth["emiAng"][:, 0],
        "phi": truth["emiAng"][:, 1],
        "energy": truth["energyTruth"],
        "timing": truth["timeTruth"],
        **{name: truth["uvwTruth"][:, k] for k, name in enumerate("uvw")},
    }
    rng = np.random.default_rng(seed)
    columns = dict(truth)
    for name, values in true.items():
        width = NETWORK_WIDTHS[name] * (values if name == "energy" else np.ones_like(values))
        columns[f"pred_{name}"] = values + width * rng.standard_normal(len(values))
        if name not in ("theta", "phi"):
            columns[f"sigma_{name}"] = width * sigma_factor
    with TreeWriter(output) as writer:
        writer.extend(columns)


@pytest.fixture(scope="session")
def predict() -> Callable[..., None]:
    """Write pretended predictions: ``predict(events, output, sigma_factor=…, seed=…)``."""
    return pretend_prediction


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of the commands that ran; simulations are real, the network is pretended."""
    titles: list[str] = []

    def run(step: Step, folder: Path, **_: object) -> None:
        titles.append(step.title)
        match step.arguments:
            case ("config", "new", *_):
                (folder / step.makes[0]).write_text("objective: regression\n")
            case ("data", "simulate", path, *options):
                _simulate(folder / path, options)
            case ("train", *_):
                run_folder = folder / step.makes[0]
                run_folder.mkdir(parents=True)
                (run_folder / "metrics.csv").write_text("epoch,metric,value\n3,val_loss,1.5\n")
            case ("predict", _, events, "-o", output):
                pretend_prediction(folder / events, folder / output)
            case other:
                raise AssertionError(other)

    monkeypatch.setattr(commands, "run_step", run)
    return titles


def _simulate(path: Path, options: list[str]) -> None:
    flags = {name for name in options if name in ("--shower", "--point")}
    words = [word for word in options if word not in flags]
    values = dict(zip(words[::2], words[1::2], strict=True))
    config = SimulationConfig(
        seed=int(values["--seed"]),
        energy=parse_energy(values["--energy"]),
        shower="--shower" in flags,
        dead_fraction=float(values.get("--dead", 0)),
        run=int(values.get("--run", 0)),
    )
    simulate_file(path, config, int(values["--events"]), processes=1)


@pytest.fixture(scope="session")
def make_truth() -> Callable[..., SetTruth]:
    """The truth of n made-up events of a set: ``make_truth(n, name="points")``."""

    def make(n: int, name: str = "points") -> SetTruth:
        events = SETS[name]
        rng = np.random.default_rng(5)
        values = {
            "angle": np.column_stack([rng.uniform(70, 110, n), rng.uniform(-60, 60, n)]),
            "energy": rng.uniform(0.015, 0.060, (n, 1)),
            "timing": rng.normal(-1e-9, 3e-10, (n, 1)),
            "uvwFI": np.column_stack(
                [rng.uniform(-24, 24, n), rng.uniform(-68, 68, n), rng.uniform(0, 15, n)]
            ),
        }
        return SetTruth(events, values, np.full(n, events.run), np.arange(n))

    return make


@pytest.fixture(scope="session")
def gaussian_estimates() -> Callable[..., Estimates]:
    """Gaussian estimates of known widths: ``gaussian_estimates(truth, factor=…, sigma_factor=…, seed=…)``."""

    def make(truth: SetTruth, *, factor: float = 1.0, sigma_factor: float = 1.0, seed: int = 0) -> Estimates:
        rng = np.random.default_rng(seed)
        values, sigma = {}, {}
        for task, true in truth.values.items():
            width = np.array([NETWORK_WIDTHS[name] for name in TASKS[task].output_names]) * factor
            width = width * (true if task == "energy" else np.ones_like(true))
            values[task] = true + width * rng.standard_normal(true.shape)
            sigma[task] = width * sigma_factor
        return Estimates("network", values, sigma)

    return make
