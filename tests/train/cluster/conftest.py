"""A real SLURM, and folders with events and settings from which small trainings are submitted to it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.slurm import running_slurm

ROOT = Path(__file__).parents[3]
SHALLOW_PYTHON = Path(__file__).with_name("shallow_python.py")


@pytest.fixture(scope="session")
def slurm() -> Iterator[Path]:
    """The ``slurm.conf`` of a SLURM that runs."""
    with running_slurm() as conf:
        yield conf


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ``$XDG_CONFIG_HOME``: a Python for jobs that makes networks as small as those of tests."""
    folder = tmp_path_factory.mktemp("settings")
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(SHALLOW_PYTHON))} "$@"\n'
    )
    python.chmod(0o755)
    (folder / "xec").mkdir()
    machine = os.uname().machine
    (folder / "xec" / "cluster.yaml").write_text(f"environments: {{{machine}: {{python: {python}}}}}\n")
    return folder


@pytest.fixture(scope="session")
def cluster_variables(slurm: Path, settings: Path) -> dict[str, str]:
    """Environment variables that programs of SLURM and jobs need."""
    path = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "SLURM_CONF": str(slurm),
        "XDG_CONFIG_HOME": str(settings),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "XEC_TESTS_PYTHON": str(settings / "python"),
        "COLUMNS": "200",
    }


@pytest.fixture
def _cluster(cluster_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs of SLURM and jobs find theirs."""
    for name, value in cluster_variables.items():
        monkeypatch.setenv(name, value)
