"""Some tasks of a network, its encoder alone, a masked autoencoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xec_export import ExportError, export_checkpoint, open_predictor
from xec_export.onnx.export import ExportReport
from xec_export.prediction.graph import OnnxGraph
from xec_geometry import FACES, N_SENSORS
from xec_models.checkpoint.building import load_model
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder

pytestmark = pytest.mark.usefixtures("shallow_networks")

TASKS: dict[str, dict[str, Any]] = {"angle": {}, "energy": {"loss_fn": "gaussian_nll"}, "uvwFI": {}}

MODEL = {"encoder_dim": 128, "outer_fine_pool": [3, 3]}


@pytest.mark.slow
def test_some_tasks_with_their_uncertainties(
    make_checkpoint: Callable[..., Path],
    make_events: Callable[..., Any],
    event_file: Path,
    tmp_path: Path,
) -> None:
    checkpoint = make_checkpoint(tmp_path / "net.pth", tasks=TASKS, model=MODEL)
    report = export_checkpoint(checkpoint, data=[event_file], tasks=["energy"])
    assert report.description.output_names == ("energy", "energy_sigma")
    predictor = open_predictor(report.onnx)
    events = make_events(3)
    found = predictor.predict(events["npho"], events["relative_time"])
    expected = load_model(checkpoint)(events["npho"], events["relative_time"])
    assert set(found) == {"energy", "energy_sigma"}
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-4)
    # What the other heads would compute is not in the file.
    sizes = {name: value.nbytes for name, value in load_model(checkpoint).state_dict().items()}
    others = sum(size for name, size in sizes.items() if name.startswith(("heads.angle", "heads.uvwFI")))
    constants = report.n_bytes - sum(sizes.values()) + others
    assert constants < 2 * others + 10**6


def test_a_task_that_the_network_lacks(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "net.pth", tasks=TASKS)
    with pytest.raises(ExportError, match=r"no task 'enrgy' \(did you mean 'energy'\?\); the network"):
        export_checkpoint(checkpoint, tmp_path / "net.onnx", tasks=["angle", "enrgy"])
    assert {path.name for path in tmp_path.iterdir()} == {"net.pth"}


@pytest.mark.slow
def test_the_encoder_alone(
    export_example: Callable[[str, str], ExportReport], make_events: Callable[..., Any]
) -> None:
    report = export_example("encoder", "of a regressor")
    (output,) = report.description.outputs
    assert report.description.kind == "encoder"
    assert output.columns == FACES
    assert output.shape == (6, 128)
    # Upstream is z < 0 or > 0 as the detector page says; the inner face lies before the outer one.
    centre = dict(zip(output.columns, output.positions, strict=True))
    assert centre["us"][2] == pytest.approx(-centre["ds"][2])
    assert np.hypot(*centre["inner"][:2]) < np.hypot(*centre["outer"][:2])
    events = make_events(3)
    found = OnnxGraph(report.onnx)(events["npho"], events["relative_time"])["tokens"]
    network = load_model(report.onnx.with_suffix(".pth"))
    readings = (torch.from_numpy(events[name]) for name in ("npho", "relative_time"))
    np.testing.assert_allclose(
        found, network.encoder(network.encoder.normalizer(*readings)), rtol=0, atol=1e-4
    )
    with pytest.raises(
        ExportError, match="a graph of kind 'encoder', which takes npho, time and gives tokens"
    ):
        open_predictor(report.onnx)


def test_an_encoder_with_an_anchor(make_checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "net.pth", tasks=TASKS, model={"anchor": "light"})
    with pytest.raises(ExportError, match=r"has an anchor \(model.anchor\)"):
        export_checkpoint(checkpoint, tmp_path / "net.onnx", encoder=True)


@pytest.mark.slow
def test_a_masked_autoencoder(
    export_example: Callable[[str, str], ExportReport], make_events: Callable[..., Any]
) -> None:
    report = export_example("mae", "pooled")
    assert report.description.inputs == ("npho", "time", "mask")
    assert json.loads(report.json.read_text())["units"] == {
        "npho_reconstructed": "photons",
        "time_reconstructed": "s",
    }
    events = make_events(3)
    npho, time = events["npho"], events["relative_time"]
    mask = np.random.default_rng(0).random(npho.shape) < 0.6
    found = OnnxGraph(report.onnx)(npho, time, mask.astype(np.float32))
    network = load_model(report.onnx.with_suffix(".pth"), kind=XECMaskedAutoencoder)
    expected = network(npho, time, mask)
    for name in ("npho", "time"):
        values = found[f"{name}_reconstructed"]
        assert values.shape == (3, N_SENSORS)
        np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=0.1 if name == "npho" else 1e-11)
