"""Small random networks, their exports, and files of random events."""

from __future__ import annotations

import contextlib
import io
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.checkpoint_files import read_checkpoint
from tests.export.examples import EXAMPLES
from tests.once import once
from tests.shallow import make_networks_shallow

from xec_data import TreeWriter
from xec_data.checking.input_range import event_quantities, measure_range
from xec_export import export_checkpoint
from xec_export.onnx.export import ExportReport
from xec_geometry import N_SENSORS, angles_to_direction, uvw_to_xyz
from xec_geometry.cli.application import main
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.reconstruction.inpainter.inpainter import XECInpainter
from xec_models.regressor.regressor import XECRegressor

Arrays = dict[str, NDArray[Any]]

ALL_TASKS: dict[str, dict[str, Any]] = {
    "angle": {"loss_fn": "student_t"},
    "energy": {"loss_fn": "gaussian_nll", "log_transform": True},
    "timing": {},
    "uvwFI": {"loss_fn": "gaussian_nll"},
    "angleVec": {},
    "n_gamma": {},
}


def random_events(n: int, seed: int = 0) -> Arrays:
    """Events with the branches, units and bad readings of a simulated file, angles in radians."""
    rng = np.random.default_rng(seed)
    npho = rng.exponential(600.0, (n, N_SENSORS)) - 20.0
    time = rng.uniform(0.0, 1.5e-7, (n, N_SENSORS))
    npho[rng.random(npho.shape) < 0.02] = 1e10
    time[rng.random(time.shape) < 0.3] = 1e10
    time[rng.random(time.shape) < 0.01] = np.nan
    uvw = rng.uniform([-23.9, -67.9, 0.0], [23.9, 67.9, 20.0], (n, 3))
    angles = rng.uniform([1.2, -0.9], [1.9, 0.9], (n, 2))
    return {
        "npho": npho.astype(np.float32),
        "relative_time": time.astype(np.float32),
        "emiAng": angles.astype(np.float32),
        "emiVec": angles_to_direction(angles[:, 0], angles[:, 1], degrees=False).astype(np.float32),
        "energyTruth": rng.uniform(0.015, 0.060, n).astype(np.float32),
        "timeTruth": rng.normal(-5e-10, 1e-10, n).astype(np.float32),
        "uvwTruth": uvw.astype(np.float32),
        "xyzTruth": uvw_to_xyz(uvw).astype(np.float32),
        "run": np.full(n, 7, np.int32),
        "event": np.arange(100, 100 + n, dtype=np.int32),
    }


def write_events(path: Path, events: Mapping[str, NDArray[Any]], tree: str = "tree") -> Path:
    """A ROOT file with these branches."""
    with TreeWriter(path, tree) as writer:
        writer.extend(events)
    return path


def random_regressor(
    seed: int,
    tasks: Mapping[str, Mapping[str, Any]],
    model: Mapping[str, Any],
    normalization: Mapping[str, Any],
) -> tuple[XECRegressor, dict[str, Any]]:
    """A regressor with random parameters everywhere, and the configuration it is built from."""
    config = {
        # With 32 the faces of squares have one channel, of which the norm leaves nothing.
        "model": {"encoder_dim": 64, "dim_feedforward": 64, "hidden_dim": 32, **model},
        "tasks": {task: {"enabled": True, **options} for task, options in tasks.items()},
        "normalization": dict(normalization),
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = XECRegressor.from_config(config)
        for parameter in network.parameters():
            # Layers that start at zero would hide a wrong export.
            parameter.data += 0.1 * torch.randn_like(parameter)
    truth = random_events(200, seed=99)
    network.fit_targets(
        {
            "angle": np.degrees(truth["emiAng"]),
            "energy": truth["energyTruth"][:, None],
            "timing": 1e-7 + truth["timeTruth"][:, None],
            "uvwFI": truth["uvwTruth"],
            "angleVec": truth["emiVec"],
            "n_gamma": np.ones((200, 1)),
        }
    )
    return network.eval(), config


def write_checkpoint(
    path: Path,
    *,
    seed: int = 0,
    tasks: Mapping[str, Mapping[str, Any]] | None = None,
    model: Mapping[str, Any] | None = None,
    normalization: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Path:
    """A checkpoint whose averaged weights are others than its last ones."""
    tasks = {"angle": {}} if tasks is None else tasks
    options = (tasks, model or {}, normalization or {})
    last, config = random_regressor(seed + 1000, *options)
    averaged, _ = random_regressor(seed, *options)
    config["data"] = {
        "npho_branch": "npho",
        "time_branch": "relative_time",
        "tree_name": "tree",
        **(data or {}),
    }
    weights = NetworkWeights(last.state_dict(), averaged.state_dict())
    events = random_events(200, seed=98)
    seen = event_quantities(events["npho"], events["relative_time"])
    checkpoint = new_checkpoint(
        "regressor", config, weights, epoch=12, git_revision="0123456789abcdef",
        inputs=measure_range([seen], absolute_times=True),
    )  # fmt: skip
    save_checkpoint(path, checkpoint)
    return path


def write_inpainter(path: Path, *, seed: int = 3, **model: Any) -> Path:
    """A checkpoint of a small inpainter with random weights."""
    config = {
        "model": {
            "encoder_dim": 128,
            "dim_feedforward": 64,
            "hidden_dim": 32,
            "num_fusion_layers": 1,
            **model,
        },
        "normalization": {},
        "data": {"npho_branch": "npho", "time_branch": "relative_time"},
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = XECInpainter.from_config(config)
        for parameter in network.parameters():
            # Layers that start at zero would hide a wrong export.
            parameter.data += 0.02 * torch.randn_like(parameter)
    checkpoint = new_checkpoint("inpainter", config, NetworkWeights(network.state_dict()))
    save_checkpoint(path, checkpoint)
    return path


def write_autoencoder(path: Path, *, seed: int = 3, **model: Any) -> Path:
    """A checkpoint of a small masked autoencoder with random weights."""
    config = {
        "model": {"encoder_dim": 128, "hidden_dim": 32, "num_fusion_layers": 1, "decoder_dim": 16, **model},
        "normalization": {},
        "data": {"npho_branch": "npho", "time_branch": "relative_time"},
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = XECMaskedAutoencoder.from_config(config)
    save_checkpoint(path, new_checkpoint("mae", config, NetworkWeights(network.state_dict())))
    return path


@pytest.fixture
def inpainter(
    tmp_path_factory: pytest.TempPathFactory, event_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of an inpainter, net.pth, and its export, net.onnx."""
    make_networks_shallow(monkeypatch)

    def fill(folder: Path) -> None:
        write_inpainter(folder / "net.pth", outer_fine_pool=(3, 3))
        export_checkpoint(folder / "net.pth", data=[event_file])

    return once(tmp_path_factory, "inpainter", fill)


@pytest.fixture(scope="session")
def make_inpainter() -> Callable[..., Path]:
    """`write_inpainter`, for tests."""
    return write_inpainter


@pytest.fixture(scope="session")
def make_events() -> Callable[..., Arrays]:
    """`random_events`, for tests."""
    return random_events


@pytest.fixture(scope="session")
def make_file() -> Callable[..., Path]:
    """`write_events`, for tests."""
    return write_events


@pytest.fixture(scope="session")
def make_checkpoint() -> Callable[..., Path]:
    """`write_checkpoint`, for tests."""
    return write_checkpoint


@dataclass(frozen=True)
class Exported:
    """A checkpoint, its network (averaged weights), its export, and what the command printed."""

    checkpoint: Path
    network: XECRegressor
    onnx: Path
    tasks: Mapping[str, Mapping[str, Any]]
    stdout: str = ""
    stderr: str = ""


@pytest.fixture(scope="session")
def event_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = once(
        tmp_path_factory, "events", lambda path: write_events(path / "events.root", random_events(70))
    )
    return folder / "events.root"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, event_file: Path) -> Exported:
    """All six tasks in the physical layout, exported by the command as a user runs it."""

    def fill(folder: Path) -> None:
        (folder / "run").mkdir()
        checkpoint = write_checkpoint(
            folder / "run/all_tasks.pth", tasks=ALL_TASKS, data={"val_path": str(event_file)}
        )
        main = "from xec_geometry.cli.application import main; main()"
        command = [sys.executable, "-c", main, "export", str(checkpoint)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        (folder / "stdout.txt").write_text(result.stdout)
        (folder / "stderr.txt").write_text(result.stderr)

    folder = once(tmp_path_factory, "exported", fill)
    network, _ = random_regressor(0, ALL_TASKS, {}, {})
    stdout, stderr = ((folder / f"{name}.txt").read_text() for name in ("stdout", "stderr"))
    run = folder / "run"
    return Exported(run / "all_tasks.pth", network, run / "all_tasks.onnx", ALL_TASKS, stdout, stderr)


@pytest.fixture
def compiled(
    tmp_path_factory: pytest.TempPathFactory, event_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a checkpoint, net.pth, and its package for libtorch, net.pt2, which takes a minute.

    Exported by the command, whose output is in stdout.txt.
    """
    make_networks_shallow(monkeypatch)

    def fill(folder: Path) -> None:
        checkpoint = write_checkpoint(
            folder / "net.pth",
            tasks={"energy": {"loss_fn": "gaussian_nll"}},
            model={"encoder_dim": 128, "outer_fine_pool": [3, 3], "num_fusion_layers": 0},
        )
        said = io.StringIO()
        command = ["export", checkpoint, "-o", folder / "net.pt2", "--format", "pt2", "--data", event_file]
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as end:
            main([str(word) for word in command])
        assert end.value.code in (None, 0)
        (folder / "stdout.txt").write_text(said.getvalue())

    return once(tmp_path_factory, "compiled", fill)


WRITERS: dict[str, Callable[..., Path]] = {
    "regressor": write_checkpoint,
    "inpainter": write_inpainter,
    "mae": write_autoencoder,
}
"""By kind of a checkpoint."""


@pytest.fixture
def export_example(
    tmp_path_factory: pytest.TempPathFactory, event_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], ExportReport]:
    """Export an example of a form, of `EXAMPLES`; the checkpoint stands beside the graph, as net.pth."""
    make_networks_shallow(monkeypatch)

    def export(form: str, name: str) -> ExportReport:
        example = EXAMPLES[form][name]

        def fill(folder: Path) -> None:
            checkpoint = WRITERS[example.kind](folder / "net.pth", **example.options)
            report = export_checkpoint(checkpoint, data=[event_file], encoder=form == "encoder")
            (folder / "report").write_bytes(pickle.dumps(report))

        folder = once(tmp_path_factory, f"{form}, {name}", fill)
        report: ExportReport = pickle.loads((folder / "report").read_bytes())
        return report

    return export


@pytest.fixture
def shallow_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of a network once: in an export, too, all others are repetitions."""
    make_networks_shallow(monkeypatch)


@pytest.fixture
def corrected(
    tmp_path_factory: pytest.TempPathFactory, event_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a checkpoint, plain.pth, and of the same with corrected uncertainties, exported.

    In the earlier layout, with the outer face in two parts and another position encoding.
    """
    make_networks_shallow(monkeypatch)

    def fill(folder: Path) -> None:
        plain = write_checkpoint(
            folder / "plain.pth",
            tasks={"energy": {"loss_fn": "gaussian_nll", "log_transform": True}, "timing": {}},
            model={"layout": "xec-ml-wl", "outer_mode": "split", "position": "sinusoidal"},
            normalization={"preset": "legacy"},
        )
        content = read_checkpoint(plain)
        content["config"]["loss_balance"] = "auto"
        content["sigma_factors"] = {"energy": [3.0]}
        for key in ("model", "ema_model"):
            content[key]["log_variances.timing"] = torch.ones(1)
        torch.save(content, folder / "corrected.pth")
        report = export_checkpoint(folder / "corrected.pth", data=[event_file])
        (folder / "worst.txt").write_text(str(report.parity.worst.relative))

    return once(tmp_path_factory, "corrected", fill)


@pytest.fixture
def no_tracing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let exports copy a finished graph, which takes no time; the comparison remains a real one."""
    from xec_export.onnx import graph as writer

    def use(graph: Path) -> None:
        def copy(_network: object, _description: object, path: Path) -> tuple[str, ...]:
            path.write_bytes(graph.read_bytes())
            return ()

        monkeypatch.setattr(writer, "write_onnx", copy)

    return use
