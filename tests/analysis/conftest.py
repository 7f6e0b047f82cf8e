"""Simulated events, and predictions whose quality is known, for the tests of xec-analysis."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.file import simulate_file
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry.cli import plugins
from xec_geometry.cli.application import main
from xec_geometry.cli.plugins import COMMAND_GROUP

Columns = dict[str, NDArray[Any]]

# Widths of the Gaussian residuals that `make_columns` draws, in xec's units (degrees, GeV, s, cm).
WIDTHS = {"theta": 1.5, "phi": 0.8, "energy": 1e-3, "timing": 8e-11, "u": 0.25, "v": 0.3, "w": 0.6}


def _make_columns(n: int, *, seed: int = 0, energy: tuple[float, float] = (0.015, 0.060)) -> Columns:
    """Truth under schema names and Gaussian predictions of known widths for every task."""
    rng = np.random.default_rng(seed)
    uvw = np.column_stack([rng.uniform(-24, 24, n), rng.uniform(-68, 68, n), rng.exponential(3.7, n)])
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    truth: Columns = {
        "run": np.full(n, 7, dtype=np.int32),
        "event": np.arange(100, 100 + n, dtype=np.int32),
        "uvwTruth": uvw,
        "energyTruth": rng.uniform(*energy, n),
        "timeTruth": rng.normal(-1e-9, 3e-10, n),
        "emiAng": np.column_stack([rng.uniform(70, 110, n), rng.uniform(-60, 60, n)]),
        "emiVec": direction,
        "n_gamma": rng.integers(0, 3, n).astype(np.int32),
    }
    values = {
        "theta": truth["emiAng"][:, 0],
        "phi": truth["emiAng"][:, 1],
        "energy": truth["energyTruth"],
        "timing": truth["timeTruth"],
        "u": uvw[:, 0],
        "v": uvw[:, 1],
        "w": uvw[:, 2],
    }
    predicted = {f"pred_{name}": true + rng.normal(0, WIDTHS[name], n) for name, true in values.items()}
    tilted = direction + rng.normal(0, 0.02, (n, 3))
    predicted |= {f"pred_v{axis}": tilted[:, k] for k, axis in enumerate("xyz")}
    predicted["pred_n_gamma"] = np.where(rng.random(n) < 0.9, truth["n_gamma"], 3).astype(np.int32)
    return truth | predicted


@pytest.fixture(scope="session")
def widths() -> dict[str, float]:
    """Widths of the Gaussian residuals of `make_columns`."""
    return WIDTHS


@pytest.fixture(scope="session")
def make_columns() -> Callable[..., Columns]:
    """Truth and predictions of n events: ``make_columns(n, seed=…, energy=(low, high))``."""
    return _make_columns


@pytest.fixture(scope="session")
def write_tree() -> Callable[[Path, Columns], Path]:
    """Write columns as a tree: ``write_tree(path, columns)``."""

    def write(path: Path, columns: Columns) -> Path:
        with TreeWriter(path) as tree:
            tree.extend(columns)
        return path

    return write


@pytest.fixture(scope="session")
def training_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated events to calibrate with."""
    path = tmp_path_factory.mktemp("analysis") / "train.root"
    simulate_file(path, SimulationConfig(seed=1, energy=(0.015, 0.060)), 800)
    return path


@pytest.fixture(scope="session")
def events_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other simulated events, of run 5, in which one sensor of fifty is dead."""
    path = tmp_path_factory.mktemp("analysis") / "events.root"
    config = SimulationConfig(seed=2, energy=(0.015, 0.060), dead_fraction=0.02, run=5)
    simulate_file(path, config, 400)
    return path


@pytest.fixture
def written_texts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """All that is written in each figure that is saved during the test."""
    texts: list[list[str]] = []
    save = Figure.savefig

    def watched(figure: Figure, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        texts.append([text.get_text() for text in figure.findobj(Text)])

    monkeypatch.setattr(Figure, "savefig", watched)
    return texts


@pytest.fixture
def compare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run ``xec compare``: ``compare(*arguments)`` gives exit code, output and errors."""
    point = EntryPoint("compare", "xec_analysis.commands.compare:compare", COMMAND_GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["compare", *map(str, arguments)])
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run
