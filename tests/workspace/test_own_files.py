"""The commands of the README on files that stand for the user's own, and the page of their run in MLflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.workspace.browser import CHROMIUM, Browser, mlflow_server

from xec_data.simulation import SimulationConfig, simulate_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUN = "RUN"  # the README's name for a run

# The defaults are meant for a GPU and many events; everything else of the README's line stays.
SMALL = (
    f" mlflow.run_name={RUN} model.encoder_dim=64 model.hidden_dim=32 model.outer_fine_pool=[3,3]"
    " training.epochs=3 training.warmup_epochs=0.5 data.batch_size=16 mlflow.wait_at_end=300"
)


def own_files_commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    section = text.split("## Your own files")[1].split("\n## ")[0]
    return [
        line.split("  #")[0].strip() for line in section.splitlines() if re.match(r"    (xec|hatch) ", line)
    ]


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands of the README have run."""
    folder = tmp_path_factory.mktemp("own_files")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    for name, events in (("mydata", 20), ("train", 96), ("val", 32)):
        (folder / name).mkdir()
        simulate_file(folder / name / "events.root", SimulationConfig(seed=events), events)
    for command in own_files_commands():
        line = command.replace("hatch run ", "") + (SMALL if command.split()[1] == "train" else "")
        finished = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env={**environment, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, f"$ {line}\n{finished.stdout}{finished.stderr}"
    return folder


def test_your_own_files(own_files: Path) -> None:
    commands = [command.split()[1] for command in own_files_commands()]
    assert commands == ["data", "config", "train", "predict", "plot", "report"]
    made = own_files / "artifacts" / RUN
    assert (made / f"{RUN}.onnx").is_file()
    assert (own_files / "predictions.root").is_file()
    assert len(list((made / "plots").glob("resolution_profile_*.pdf"))) == 4


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")
def test_parameters_curves_and_plots_are_on_the_page_of_mlflow(own_files: Path, tmp_path: Path) -> None:
    (run_id,) = json.loads((own_files / "artifacts" / RUN / "mlflow_runs.json").read_text()).values()
    plots = {path.name for path in (own_files / "artifacts" / RUN / "plots").glob("*.pdf")}
    assert f"resolution_profile_angle_{RUN}.pdf" in plots

    with mlflow_server(own_files) as address, Browser(tmp_path / "profile") as browser:
        page = f"{address}/#/experiments/1/runs/{run_id}"
        browser.open(page)
        browser.wait_for("document.body.innerText.includes('training.warmup_epochs')")
        browser.picture(tmp_path / "overview.png")
        shown = browser.text()
        for words in (RUN, "Finished", "tasks.angle.loss_fn", "smooth_l1", "events.root", "Training"):
            assert words in shown, f"'{words}' is not on the page:\n{shown}"

        browser.open(f"{page}/model-metrics")
        # Lines through three points, one of each epoch; Plotly draws them.
        browser.wait_for(
            "[...document.querySelectorAll('.js-line')]"
            ".filter(line => (line.getAttribute('d') || '').split('L').length == 3).length >= 3"
        )
        browser.picture(tmp_path / "curves.png")

        browser.open(f"{page}/artifacts/plots/resolution_profile_angle_{RUN}.pdf")
        # The page itself, drawn: more than one colour.
        browser.wait_for(
            "[...document.querySelectorAll('canvas')].some(canvas => new Set(new Uint32Array("
            "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 10)"
        )
        browser.picture(tmp_path / "plot.png")
        listed = browser.text()
        assert not [name for name in plots if name not in listed]
