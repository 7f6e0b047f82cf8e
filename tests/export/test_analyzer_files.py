"""Files in the layout of the experiment's analyzer are read without any option, however they are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch
import uproot
from tests.once import once

from xec_data import read_columns
from xec_data.normalization.transforms import NormalizationConfig
from xec_export import open_predictor
from xec_geometry import N_SENSORS, uvw_to_xyz
from xec_geometry.cli.application import main
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import InpainterConfig
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

Arrays = dict[str, np.ndarray[Any, Any]]
N_EVENTS = 12
OFFSET = -6.25e-7
DEAD = [5, 77, 4200]
FORMS = ("arrays", "vectors", "doubles", "absolute times")


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def real(make_events: Callable[..., Arrays]) -> Arrays:
    """Events as an analyzer writes them: 1e10 for everything that is not there."""
    events = make_events(N_EVENTS, seed=8)
    npho, time = events["npho"], events["relative_time"]
    npho[:, DEAD] = 1e10
    invalid = ~(np.abs(time) < 9e9) | (npho > 9e9)
    time = np.where(invalid, 1e10, time - np.where(invalid, np.inf, time).min(axis=1, keepdims=True))
    uvw = events["uvwTruth"].astype(np.float32)
    columns = {
        "run": np.full(N_EVENTS, 432101, np.int32),
        "event": np.arange(N_EVENTS, dtype=np.int32),
        "npho": npho,
        "relative_time": time.astype(np.float32),
        "time": np.where(invalid, 1e10, time.astype(np.float64) + OFFSET),
        "energyReco": events["energyTruth"],
        "timeReco": np.full(N_EVENTS, OFFSET + 1e-8),
        "xyzRecoFI": uvw_to_xyz(uvw).astype(np.float32),
        "uvwRecoFI": uvw,
    }
    # The reconstruction failed, and an event has no light at all.
    for name in ("energyReco", "timeReco", "xyzRecoFI", "uvwRecoFI"):
        columns[name][2] = 1e10
    for name in ("npho", "relative_time", "time"):
        columns[name][4] = 1e10
    return columns


@pytest.fixture(scope="module")
def files(real: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def fill(folder: Path) -> None:
        for form in FORMS:
            columns: dict[str, Any] = dict(real)
            if form == "doubles":
                columns = {
                    name: values.astype(np.float64) if values.dtype.kind == "f" else values.astype(np.int64)
                    for name, values in columns.items()
                }
            if form == "absolute times":
                del columns["relative_time"]
            types = {name: np.dtype((values.dtype, values.shape[1:])) for name, values in columns.items()}
            if form == "vectors":
                for name in [name for name, values in columns.items() if values.ndim == 2]:
                    types[name] = f"var * {columns[name].dtype.name}"
                    columns[name] = ak.from_regular(columns[name])
            with uproot.recreate(folder / f"{form.replace(' ', '_')}.root") as file:
                file.mktree("tree", types)
                file["tree"].extend(columns)

    return once(tmp_path_factory, "analyzer", fill)


def named(form: str) -> str:
    return f"{form.replace(' ', '_')}.root"


@pytest.mark.parametrize("form", FORMS)
def test_predictions(
    exported: Any,
    real: Arrays,
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: str,
) -> None:
    output = tmp_path / "out.root"
    assert run("predict", exported.onnx, files / named(form), "-o", output, "--tasks", "energy,timing") == 0
    assert "1 of 12 events have no valid photon count" in capsys.readouterr().err
    found = read_columns(output)
    lit = np.arange(N_EVENTS) != 4
    assert found["valid"].tolist() == lit.tolist()
    expected = open_predictor(exported.onnx).predict(real["npho"], real["relative_time"])
    np.testing.assert_allclose(found["pred_energy"][lit], expected["energy"][lit, 0], rtol=1e-4)
    np.testing.assert_allclose(found["time_offset"][lit], OFFSET, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        found["pred_timing_absolute"][lit] - OFFSET, expected["timing"][lit, 0], rtol=0, atol=1e-12
    )
    for name in ("run", "event", "energyReco", "timeReco", "xyzRecoFI", "uvwRecoFI"):
        np.testing.assert_allclose(found[name], real[name], rtol=1e-6)
    assert not [name for name in found if name.startswith("true_")]


@pytest.mark.parametrize("form", FORMS)
def test_dead_channels_are_recovered(
    exported: Any, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    dead = tmp_path / "dead.txt"
    dead.write_text(" ".join(map(str, DEAD)))
    output = tmp_path / "out.root"
    options = ["--dead", dead, "--recover", "none,average", "--tasks", "energy"]
    assert run("predict", exported.onnx, files / named(form), "-o", output, *options) == 0, (
        capsys.readouterr()
    )
    found = read_columns(output)
    assert (found["n_dead"] == len(DEAD)).all()
    lit = np.arange(N_EVENTS) != 4
    assert (found["pred_energy_raw"] != found["pred_energy_average"])[lit].all()


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_with_dead_channels_recovered(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = InpainterConfig(encoder_dim=64, outer_fine_pool=(3, 3), num_fusion_layers=1)
        config = {
            "model": model.model_dump(mode="json"),
            "normalization": NormalizationConfig().model_dump(mode="json"),
            "data": {"npho_branch": "npho", "time_branch": "relative_time"},
        }
        network = XECInpainter.from_config(config)
    path = tmp_path / "inpainter.pth"
    save_checkpoint(path, new_checkpoint("inpainter", config, NetworkWeights(network.state_dict())))
    dead = tmp_path / "dead.txt"
    dead.write_text(" ".join(map(str, DEAD)))
    output = tmp_path / "out.root"
    assert run("inpaint", path, files / named(form), "-o", output, "--dead", dead) == 0, capsys.readouterr()
    with uproot.open(output) as file:
        npho = np.asarray(file["tree"]["npho"].array(library="ak")).reshape(N_EVENTS, N_SENSORS)
    assert (npho[np.arange(N_EVENTS) != 4][:, DEAD] < 9e9).all()
    assert (npho[4] > 9e9).all()


@pytest.mark.parametrize("form", FORMS)
def test_the_check_of_files(files: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert run("data", "check", files / named(form)) == 0
    printed = capsys.readouterr().out
    assert "energyReco" in printed
