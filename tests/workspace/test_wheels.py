"""The six wheels, installed in clean environments as users install them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir())


def pinned_torch() -> str:
    """The CPU build of the development environment: an unpinned torch would bring gigabytes of CUDA."""
    environment = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"]["default"]
    return next(
        requirement for requirement in environment["dependencies"] if requirement.startswith("torch==")
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hatch = shutil.which("hatch")
    if hatch is None:
        pytest.skip("hatch is not on the PATH: the wheels cannot be built")
    folder = tmp_path_factory.mktemp("wheels")
    outside = {key: value for key, value in os.environ.items() if not key.startswith("HATCH_ENV")}
    build = subprocess.run(
        [hatch, "build", "--all", "--target", "wheel", "--target", "sdist", str(folder)],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return folder


class CleanEnvironment:
    """A virtual environment with nothing but what one `pip install` brings."""

    def __init__(self, folder: Path, wheels: Path, package: str) -> None:
        venv.create(folder)
        self.bin = folder / "bin"
        constraints = folder / "constraints.txt"
        constraints.write_text(pinned_torch() + "\n")
        # From outside, and without byte code of all of torch: that takes longer than the rest.
        pip = [sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", "--no-compile"]
        self._run(*pip, "--find-links", wheels, "--constraint", constraints, package)

    def run(self, program: str, *arguments: str | Path) -> str:
        return self._run(self.bin / program, *arguments)

    def _run(self, *command: str | Path) -> str:
        finished = subprocess.run(command, cwd=self.bin, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def installed(self) -> set[str]:
        script = "from importlib.metadata import distributions; print(*[d.name for d in distributions()])"
        return {name.lower().replace("_", "-") for name in self.run("python", "-c", script).split()}


def test_hatch_builds_a_wheel_of_each_package(wheels: Path) -> None:
    built = sorted(wheel.name.split("-")[0].replace("_", "-") for wheel in wheels.glob("*.whl"))
    assert built == PACKAGES


def test_wheels_and_sdists_hold_the_licence(wheels: Path) -> None:
    text = (ROOT / "LICENSE").read_text()
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            [name] = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
            assert archive.read(name).decode() == text
    sdists = list(wheels.glob("*.tar.gz"))
    assert len(sdists) == len(PACKAGES)
    for sdist in sdists:
        with tarfile.open(sdist) as archive:
            [name] = [
                name for name in archive.getnames() if name.count("/") == 1 and name.endswith("/LICENSE")
            ]
            file = archive.extractfile(name)
            assert file is not None
            assert file.read().decode() == text


def test_geometry_alone_is_small(wheels: Path, tmp_path: Path) -> None:
    environment = CleanEnvironment(tmp_path / "env", wheels, "xec-geometry")
    installed = environment.installed()
    assert {"xec-geometry", "numpy"} <= installed
    assert not installed & {"torch", "uproot", "xec-data", "matplotlib", "mlflow"}

    listed = set(re.findall(r"^\W ([\w-]+) ", environment.run("xec", "--help"), re.MULTILINE))
    assert "geometry" in listed
    assert not listed & {"data", "train", "export", "predict", "plot", "demo"}
    assert "inner" in environment.run("xec", "geometry", "show")


def test_models_bring_geometry_and_data_along(wheels: Path, tmp_path: Path) -> None:
    environment = CleanEnvironment(tmp_path / "env", wheels, "xec-models")
    installed = environment.installed()
    assert {"xec-geometry", "xec-data", "torch"} <= installed
    assert not installed & {"mlflow", "onnx", "matplotlib", "lightning-fabric"}

    script = """
from pathlib import Path
import torch
from xec_data import NormalizationConfig
from xec_geometry import N_SENSORS
from xec_models import ModelConfig, TaskConfig, XECRegressor, load_model, save_checkpoint
"""
    environment.run("python", "-W", "error", "-c", "from xec_models import load_model")
    environment.run("python", "-c", script)
