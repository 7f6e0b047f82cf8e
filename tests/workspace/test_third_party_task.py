"""A task of an installed package of somebody else, from a new configuration to the plots."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import uproot
import yaml
from tests.once import once

pytestmark = pytest.mark.slow

MODULE = Path(__file__).parent / "third_party" / "xec_impact_parameter.py"

SMALL = [
    "model.encoder_dim=64", "model.outer_fine_pool=[3,3]", "model.num_fusion_layers=1", "model.hidden_dim=16",
    "data.batch_size=16", "data.num_workers=0", "training.epochs=1", "training.warmup_epochs=0",
    "mlflow.enabled=false", "mlflow.run_name=axis", "reweighting.impact_parameter.enabled=true",
    "training.mirror=true",
]  # fmt: skip

COMMANDS = {
    "new": ["config", "new", "-o", "config.yaml"],
    "simulate": ["data", "simulate", "events.root", "--events", "80", "--seed", "1"],
    "data": ["data", "check", "events.root"],
    "config": ["config", "check", "config.yaml", "--tasks", "impact_parameter", "energy"],
    "train": ["train", "config.yaml", "--train_path", "events.root", "--val_path", "events.root",
              "--tasks", "impact_parameter", "energy", *SMALL],
    "predict": ["predict", "artifacts/axis/axis.onnx", "events.root", "-o", "predictions.root"],
    "plot": ["plot", "predictions.root", "-o", "plots"],
}  # fmt: skip

# One process for all commands: each would import torch again.
CHAIN = """
import contextlib, io, json, sys
from xec_geometry.cli.application import main
printed = {}
for name, command in json.loads(sys.argv[1]).items():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(command)
        except SystemExit as end:
            code = end.code or 0
    printed[name] = {"code": code, "text": out.getvalue()}
    if code:
        break
print(json.dumps(printed))
"""


def install(folder: Path) -> None:
    """Lay the package and its metadata down as pip does."""
    site, metadata = folder / "site", folder / "site" / "xec_impact_parameter-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / MODULE.name).write_text(MODULE.read_text(encoding="utf-8"), encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: xec-impact-parameter\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[xec.tasks]\nimpact_parameter = xec_impact_parameter:IMPACT_PARAMETER\n"
    )


def run_chain(folder: Path) -> None:
    install(folder)
    path = os.pathsep.join([str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", CHAIN, json.dumps(COMMANDS)],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "printed.json").write_text(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "third_party_task", run_chain)


@pytest.fixture
def printed(chain: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((chain / "printed.json").read_text())
    return found


def test_every_command_succeeds(printed: dict[str, dict[str, str]]) -> None:
    assert {name: result["code"] for name, result in printed.items()} == dict.fromkeys(COMMANDS, 0), printed


def test_a_new_configuration_shows_it(chain: Path) -> None:
    config = yaml.safe_load((chain / "config.yaml").read_text())
    assert config["tasks"]["impact_parameter"]["loss_fn"] == "smooth_l1"
    assert config["tasks"]["impact_parameter"]["enabled"] is False
    assert "impact_parameter" in config["reweighting"]


def test_files_are_checked_for_it(printed: dict[str, dict[str, str]]) -> None:
    assert "impact_parameter" in printed["data"]["text"].partition("usable for:")[2]


def test_an_epoch_tells_its_resolution(printed: dict[str, dict[str, str]], chain: Path) -> None:
    assert "impact_res_68pct" in printed["train"]["text"]
    with (chain / "artifacts/axis/metrics.csv").open(newline="") as file:
        names = {row["metric"] for row in csv.DictReader(file)}
    assert {"val_loss_impact_parameter", "impact_bias", "impact_rms", "impact_res_68pct"} <= names


def test_results_hold_prediction_and_truth(chain: Path) -> None:
    path = chain / "artifacts/axis/predictions_impact_parameter_axis.csv"
    table = np.genfromtxt(path, delimiter=",", names=True)
    with uproot.open(chain / "events.root") as file:
        vertex, direction = (file["tree"][name].array(library="np") for name in ("xyzVTX", "emiVec"))
    # A second way: the length of the part of the vertex that is orthogonal to the direction, seen along z.
    flat = direction[:, :2] / np.linalg.norm(direction[:, :2], axis=1, keepdims=True)
    along = np.sum(vertex[:, :2] * flat, axis=1, keepdims=True)
    expected = np.linalg.norm(vertex[:, :2] - along * flat, axis=1)
    np.testing.assert_allclose(table["truth_impact"], expected, rtol=1e-4, atol=1e-5)
    assert np.isfinite(table["pred_impact"]).all()
    with uproot.open(chain / "artifacts/axis/validation_results_axis.root") as file:
        assert "pred_impact" in file["tree"]


def test_the_exported_graph_describes_it(chain: Path) -> None:
    graph = onnx.load(chain / "artifacts/axis/axis.onnx")
    metadata = {prop.key: prop.value for prop in graph.metadata_props}
    outputs = {output["name"]: output for output in json.loads(metadata["outputs"])}
    assert outputs["impact_parameter"]["unit"] == "cm"
    assert outputs["impact_parameter"]["columns"] == ["impact"]


def test_predictions_of_files_have_it(chain: Path) -> None:
    with uproot.open(chain / "predictions.root") as file:
        assert np.isfinite(file["tree"]["pred_impact"].array(library="np")).all()


def test_it_is_plotted_with_its_unit(chain: Path, printed: dict[str, dict[str, str]]) -> None:
    assert (chain / "artifacts/axis/plots/resolution_profile_impact_parameter_axis.pdf").stat().st_size > 5000
    assert list((chain / "plots").glob("resolution_profile_impact_parameter_*.pdf"))
    row = next(line for line in printed["plot"]["text"].splitlines() if "impact" in line)
    assert "mm" in row or "cm" in row


def test_without_the_package_the_configuration_says_what_is_unknown(chain: Path) -> None:
    text = (chain / "artifacts/axis/config.yaml").read_text()
    (chain / "alone.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", "from xec_geometry.cli.application import main; main()", "config", "check",
         "alone.yaml"],
        cwd=chain, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "tasks.impact_parameter: unknown key" in done.stderr
