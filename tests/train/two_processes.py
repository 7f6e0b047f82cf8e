"""Jobs of `several_processes.py`: done here, or by two processes of torchrun, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from tests.train.several_processes import run_job

from xec_data.simulation import SimulationConfig, simulate_file
from xec_models.checkpoint.run_directory import RunDirectory
from xec_train.config.keys import all_keys
from xec_train.config.loading import load_config
from xec_train.config.template import resolved

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("several_processes.py")
TORCHRUN = (sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2")


def job(name: str, *changes: str, **more: Any) -> dict[str, Any]:
    """A training, and what the driver shall do beside it."""
    return {"name": name, "changes": changes, "config": "run.yaml", **more}


def prepare(folder: Path, sizes: Mapping[str, int], small: Sequence[str]) -> None:
    """Files of so many events; ``bad.root``, the first of them with an energy near zero; configurations."""
    for run, (name, n) in enumerate(sizes.items()):
        simulate_file(folder / name, SimulationConfig(seed=run, run=run, energy=(0.02, 0.06)), n)
    first = next(iter(sizes))
    with uproot.open({folder / first: "tree"}) as tree:
        branches = tree.arrays(library="np")
    branches["energyTruth"][7] = 1e-38
    with uproot.recreate(folder / "bad.root") as file:
        file.mktree("tree", {name: np.dtype((a.dtype, a.shape[1:])) for name, a in branches.items()})
        file["tree"].extend(branches)
    for objective, name in (("regression", "run.yaml"), ("mae", "mae.yaml")):
        known, config = all_keys(objective), folder / name
        changes = [change for change in small if change.partition("=")[0] in known]
        config.write_text(f"data: {{train_path: {first}, val_path: val.root}}\n")
        config.write_text(resolved(load_config(config, [f"objective={objective}", *changes]).config))


def torchrun(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program in two processes, which can import these tests."""
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    return subprocess.run(
        [*TORCHRUN, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def do_alone(jobs: Sequence[dict[str, Any]]) -> None:
    """Do jobs in this process."""
    for one in jobs:
        with pytest.MonkeyPatch.context() as patch:
            assert run_job(one, patch)["error"] is None


def do_in_two(jobs: Sequence[dict[str, Any]]) -> str:
    """Do jobs in two processes, one after the other, in the current folder; gives what they printed."""
    Path("jobs.json").write_text(json.dumps(jobs))
    done = torchrun(Path.cwd(), str(DRIVER), "jobs.json")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reported(folder: Path, name: str) -> list[dict[str, Any]]:
    """What both processes have told of a job."""
    return [json.loads((folder / f"{name}.{rank}.json").read_text()) for rank in range(2)]


def run_of(folder: Path, name: str) -> RunDirectory:
    """The run directory of a job."""
    return RunDirectory(folder / "artifacts" / name)
