"""Networks take events in any arrays, one or many, and give numpy arrays or tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch

from xec_data import TreeWriter
from xec_geometry import N_SENSORS
from xec_models import ModelError, load_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import InpainterConfig
from xec_models.encoder.network import Network
from xec_models.reconstruction.inpainter.inpainter import XECInpainter

README = Path(__file__).parents[3] / "packages" / "xec-models" / "README.md"

FORMS: dict[str, Callable[[torch.Tensor], Any]] = {
    "numpy": lambda rows: rows.numpy(),
    "doubles": lambda rows: rows.numpy().astype(">f8"),
    "lists": lambda rows: rows.tolist(),
    "awkward": lambda rows: ak.Array(rows.numpy()),
    "ragged": lambda rows: ak.from_regular(ak.Array(rows.numpy())),
    "torch": lambda rows: rows,
}


@pytest.fixture
def network(small_network: Callable[..., Network]) -> Network:
    return small_network(["energy", "uvwFI"], num_fusion_layers=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("library", ["np", "torch"])
def test_any_arrays(network: Network, raw_events: Any, form: str, library: Any) -> None:
    npho, time = raw_events(3)
    with torch.no_grad():
        expected = network(npho, time)
    found = network.predict(FORMS[form](npho), FORMS[form](time), library=library, batch_size=2)
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert isinstance(values, np.ndarray if library == "np" else torch.Tensor)
        np.testing.assert_allclose(np.asarray(values), expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_one_event(network: Network, raw_events: Any, form: str) -> None:
    npho, time = raw_events(2)
    with torch.no_grad():
        expected = network(npho, time)["uvwFI"][1:]
    one = [FORMS["torch" if form == "torch" else form](values)[1] for values in (npho, time)]
    np.testing.assert_allclose(network.predict(*one)["uvwFI"], expected, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        # The network itself, of single precision like its parameters.
        if form not in ("doubles", "lists"):
            np.testing.assert_allclose(network(*one)["uvwFI"], expected, rtol=1e-5, atol=1e-6)


def test_no_events(network: Network) -> None:
    nothing = np.empty((0, N_SENSORS), np.float32)
    assert {name: values.shape for name, values in network.predict(nothing, nothing).items()} == {
        "energy": (0, 1),
        "uvwFI": (0, 3),
    }


def test_an_inpainter_takes_dead_sensors() -> None:
    rng = np.random.default_rng(0)
    config = InpainterConfig(encoder_dim=64, num_fusion_layers=1, outer_fine_pool=(3, 3))
    network = XECInpainter.from_config({"model": config.model_dump(mode="json"), "normalization": {}}).eval()
    npho, time = rng.uniform(0, 900, (3, N_SENSORS)), rng.uniform(0, 1e-7, (3, N_SENSORS))
    dead = rng.random((3, N_SENSORS)) < 0.01
    found = network.predict(ak.Array(npho), time, ak.Array(dead), batch_size=2)
    with torch.no_grad():
        arrays = (torch.tensor(values).float() for values in (npho, time))
        expected = network(*arrays, torch.tensor(dead))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][dead], values[dead], rtol=1e-4, atol=1e-6)


def test_an_array_too_few_or_too_many(network: Network, raw_events: Any) -> None:
    config = {"encoder_dim": 64, "num_fusion_layers": 1, "outer_fine_pool": (3, 3)}
    inpainter = XECInpainter.from_config({"model": config, "normalization": {}})
    with pytest.raises(ModelError, match="expected those that the network takes: npho, time, mask"):
        inpainter.predict(*raw_events(1))
    with pytest.raises(ModelError, match="predict: 3 arrays; expected those that the network takes"):
        network.predict(*raw_events(1), np.zeros((1, N_SENSORS)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda npho: ak.Array([[1.0, 2.0], [1.0]]), "npho: event 0 has 2 numbers; expected 4760"),
        (lambda npho: npho[:1], "npho has 1 events and time 2"),
        (lambda npho: npho[:, :9], r"npho has shape \(2, 9\)"),
    ],
)
def test_what_is_no_event(network: Network, raw_events: Any, change: Any, message: str) -> None:
    npho, time = raw_events(2)
    with pytest.raises(ModelError, match=message):
        network.predict(change(npho), time)


def test_another_library(network: Network, raw_events: Any) -> None:
    with pytest.raises(ModelError, match="library 'pandas'; expected one of 'np', 'torch'"):
        network.predict(*raw_events(1), library="pandas")  # type: ignore[call-overload]


def test_the_example_of_the_readme(
    network: Any, raw_events: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    npho, time = raw_events(5)
    with TreeWriter(tmp_path / "events.root") as writer:
        writer.extend({"npho": npho.numpy(), "relative_time": time.numpy()})
    config = {
        "model": network.model_config.model_dump(mode="json"),
        "tasks": {task: {"enabled": True} for task in network.tasks},
        "normalization": network.normalization.model_dump(mode="json"),
    }
    (tmp_path / "artifacts/first").mkdir(parents=True)
    checkpoint = new_checkpoint("regressor", config, NetworkWeights(network.state_dict()))
    save_checkpoint(tmp_path / "artifacts/first/checkpoint_best.pth", checkpoint)
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    (example,) = [text for text in examples if "uproot" in text]
    exec(compile(example, str(README), "exec"), {})
    u = load_model("artifacts/first/checkpoint_best.pth").predict(npho, time)["uvwFI"][0, 0]
    assert capsys.readouterr().out == f"5 events, the first at u = {u:.1f} cm\n"
