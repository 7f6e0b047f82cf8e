"""Layers of imports, and modules that stay unloaded until they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "torch_geometric",
    "uproot",
    "awkward",
    "mlflow",
    "onnx",
    "onnxruntime",
    "matplotlib",
    "scipy",
}


def modules_after(code: str) -> set[str]:
    """The top-level modules in memory after `code` ran in a fresh interpreter."""
    report = (
        "\nimport sys; sys.stdout.write('\\n' + ' '.join(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def test_import_contracts_hold() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    "package", ["xec_geometry", "xec_data", "xec_models", "xec_train", "xec_export", "xec_analysis"]
)
def test_importing_a_package_is_light(package: str) -> None:
    assert not modules_after(f"import {package}") & HEAVY


def test_geometry_and_data_work_without_torch() -> None:
    code = """
import importlib, pkgutil, xec_geometry, xec_data
for package in (xec_geometry, xec_data):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""
    assert not modules_after(code) & {"torch", "torch_geometric"}


def test_help_imports_nothing_heavy() -> None:
    code = """
from xec_geometry.cli.application import main
try:
    main(["--help"])
except SystemExit as end:
    assert end.code == 0
"""
    assert not modules_after(code) & (HEAVY | {"numpy", "pydantic"})
