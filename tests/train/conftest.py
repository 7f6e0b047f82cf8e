"""Small files, a small network, and a folder of its own for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import uproot
from tests.shallow import make_networks_shallow

from xec_data.simulation import SimulationConfig, simulate_file
from xec_geometry import N_SENSORS
from xec_train.config.keys import all_keys
from xec_train.config.loading import load_config
from xec_train.config.train_config import TrainConfig

# The smallest network, all of its parts included.
SMALL = (
    "model.encoder_dim=64",
    "model.outer_fine_pool=[3, 3]",
    "model.num_fusion_layers=1",
    "model.hidden_dim=16",
    "data.batch_size=16",
    "data.num_workers=0",
    "training.epochs=2",
    "training.warmup_epochs=0.5",
    "training.lr=3e-3",
    "training.ema_warmup=true",
    "checkpoint.save_interval=0",
    "mlflow.enabled=false",
    "export.onnx=null",
)
N_TRAINING, N_VALIDATION = 64, 24


@pytest.fixture(autouse=True, scope="module")
def _shallow_networks() -> Iterator[None]:
    """How training goes does not depend on how often a block is repeated."""
    with pytest.MonkeyPatch.context() as patch:
        make_networks_shallow(patch)
        yield


@pytest.fixture(autouse=True)
def _seed() -> None:
    """The numbers of a test do not depend on the tests before it."""
    torch.manual_seed(1)


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # What other packages add to a run is tested there.
    monkeypatch.setattr("xec_train.runs.artifacts.entry_points", lambda **_: [])


@pytest.fixture(scope="session")
def event_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Simulated events to train and to validate on."""
    folder = tmp_path_factory.mktemp("events")
    files = folder / "train.root", folder / "val.root"
    for run, (path, n) in enumerate(zip(files, (N_TRAINING, N_VALIDATION), strict=True), start=1):
        simulate_file(path, SimulationConfig(seed=run, run=run, energy=(0.02, 0.06)), n)
    return files


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Settings of the smallest training, as on the command line."""
    return SMALL


@pytest.fixture
def configure(event_files: tuple[Path, Path], tmp_path: Path) -> Callable[..., TrainConfig]:
    """Make a configuration of a small training, changed by ``section.key=value``."""

    def make(*changes: str, files: tuple[Path, Path] = event_files) -> TrainConfig:
        path = tmp_path / "run.yaml"
        path.write_text(f"data: {{train_path: {files[0]}, val_path: {files[1]}}}\n")
        changed = {key: value for key, _, value in (change.partition("=") for change in changes)}
        known = all_keys(changed.get("objective", "regression"))
        small = [
            change for change in SMALL if (key := change.partition("=")[0]) in known and key not in changed
        ]
        return load_config(path, [*small, *changes]).config

    return make


@pytest.fixture
def write_events(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of made-up events; the first count of event i is i, and so is its number."""

    def write(name: str, n: int, clusters: int = 1, first: int = 0, **changes: Any) -> Path:
        number = np.arange(first, first + n, dtype=np.int32)
        npho = np.full((n, N_SENSORS), 500.0, np.float32)
        npho[:, 0] = number
        rng = np.random.default_rng(n)
        theta, phi = rng.uniform(1.2, 1.9, n), rng.uniform(-0.5, 0.5, n)
        branches = {
            "npho": npho,
            "relative_time": np.full((n, N_SENSORS), 1e-8, np.float32),
            "emiAng": np.stack([theta, phi], axis=1).astype(np.float32),
            "emiVec": np.stack(
                [-np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1
            ).astype(np.float32),
            "energyTruth": rng.uniform(0.02, 0.06, n).astype(np.float32),
            "uvwTruth": np.stack([rng.uniform(-30, 30, n), np.zeros(n), np.ones(n)], axis=1).astype(
                np.float32
            ),
            "run": np.full(n, 7, np.int32),
            "event": number,
            **changes,
        }
        path = tmp_path / name
        with uproot.recreate(path) as file:
            types = {key: np.dtype((array.dtype, array.shape[1:])) for key, array in branches.items()}
            file.mktree("tree", types)
            for rows in np.array_split(np.arange(n), clusters):
                file["tree"].extend({key: array[rows] for key, array in branches.items()})
        return path

    return write
