"""From events to plots in a folder of any name, with no home and no folder for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.small_disk import in_namespace

pytestmark = pytest.mark.slow

# 255 bytes, as many as a name can have; ROOT files, addresses and shells give some of them a meaning. MLflow
# refuses runs in folders with both ' and ": the training goes on without it, with a warning.
BEGINNING = "mü π #1 $HOME a::b [c] {d} it's ~ & ; 50%41 ?x=1"
NAME = BEGINNING + "x" * (255 - len(os.fsencode(BEGINNING)))

# In one process: most of the time of a command is that of imports.
PROGRAM = """
import sys
import pytest
from tests.shallow import make_networks_shallow
from xec_geometry.cli.application import main

make_networks_shallow(pytest.MonkeyPatch())
for line in sys.stdin.read().splitlines():
    print("$", line, flush=True)
    try:
        main(line.split())
    except SystemExit as end:
        if end.code:
            raise
"""

CHAIN = """\
data simulate events.root -n 8
config new -o config.yaml
train config.yaml data.train_path=events.root data.val_path=events.root data.batch_size=4 \
data.num_workers=0 model.encoder_dim=64 model.outer_fine_pool=[3,3] model.num_fusion_layers=1 \
model.hidden_dim=16 model.anchor=none model.window=null training.epochs=1 training.warmup_epochs=0 \
checkpoint.save_artifacts=false mlflow.run_name=run mlflow.wait_at_end=300
export artifacts/run/checkpoint_last.pth -o network.onnx
predict network.onnx events.root -o predictions.root
plot predictions.root -o plots
"""


def test_the_chain_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder, nowhere = tmp_path / NAME, tmp_path / "nowhere"
    folder.mkdir()
    nowhere.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    # As root nothing else keeps anybody from writing.
    mount = 'mount -t tmpfs -o ro tmpfs "$NOWHERE"'
    done = subprocess.run(
        in_namespace([sys.executable, "-W", "ignore", "-c", PROGRAM], prepared_by=mount, NOWHERE=nowhere),
        cwd=folder,
        env={
            **environment,
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(nowhere)),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        },
        input=CHAIN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "warning: MLflow" not in done.stdout
    made = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "mlflow.db",
        "network.onnx",
        "network.json",
        "predictions.root",
        "artifacts/run/checkpoint_last.pth",
        "plots/resolution_profile_angle_predictions.pdf",
    } <= made
    assert list((folder / "mlartifacts").rglob("config.yaml"))
    assert not [path for path in made if Path(path).name.startswith(".")]
