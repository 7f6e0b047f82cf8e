"""The commands of the README, as they stand there, on files that stand for the user's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xec_data.simulation import SimulationConfig, simulate_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RUN = "RUN"  # the README's name for a run

# The defaults are meant for a GPU and many events; everything else of the README's line stays.
SMALL = (
    f" mlflow.run_name={RUN} model.encoder_dim=32 model.hidden_dim=32 model.outer_fine_pool=[3,3]"
    " training.epochs=1 training.warmup_epochs=0.5 data.batch_size=16"
)


def own_files_commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    section = text.split("## Your own files")[1].split("\n## ")[0]
    return [
        line.split("  #")[0].strip() for line in section.splitlines() if re.match(r"    (xec|hatch) ", line)
    ]


def test_your_own_files(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(command: str) -> str:
        finished = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, f"$ {command}\n{finished.stdout}{finished.stderr}"
        return finished.stdout

    for folder, events in (("mydata", 20), ("train", 96), ("val", 32)):
        (tmp_path / folder).mkdir()
        simulate_file(tmp_path / folder / "events.root", SimulationConfig(seed=events), events)

    commands = own_files_commands()
    assert [command.split()[1] for command in commands] == ["data", "config", "train", "predict", "plot"]
    for command in commands:
        run(command.replace("hatch run ", "") + (SMALL if command.split()[1] == "train" else ""))

    made = tmp_path / "artifacts" / RUN
    assert (made / f"{RUN}.onnx").is_file()
    assert (tmp_path / "predictions.root").is_file()
    assert len(list((made / "plots").glob("resolution_profile_*.pdf"))) == 4
