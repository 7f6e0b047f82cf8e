"""The package as others import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import xec_data


def modules_after(code: str) -> set[str]:
    """Run code in a process of its own; give the top-level modules that it loaded."""
    program = f"{code}\nimport sys\nprint(*sorted(name.partition('.')[0] for name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(result.stdout.splitlines()[-1].split())


def test_importing_it_costs_nothing() -> None:
    loaded = modules_after("import xec_data")
    assert not loaded & {"uproot", "awkward", "pydantic", "rich", "scipy", "torch"}


def test_every_public_name_is_there() -> None:
    for name in xec_data.__all__:
        assert getattr(xec_data, name) is not None
    assert {*dir(xec_data), "__version__"} == set(xec_data.__all__)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="EventReade"):
        _ = xec_data.EventReade


def test_all_of_it_does_without_torch() -> None:
    code = """
import importlib, pkgutil, xec_data
for module in pkgutil.walk_packages(xec_data.__path__, "xec_data."):
    importlib.import_module(module.name)
for name in xec_data.__all__:
    getattr(xec_data, name)
"""
    loaded = modules_after(code)
    assert "uproot" in loaded
    assert not loaded & {"torch", "torch_geometric", "xec_models"}


def test_the_first_example_of_the_readme(tmp_path: Path) -> None:
    readme = Path(__file__).parents[2] / "packages" / "xec-data" / "README.md"
    code = readme.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "50 events," in result.stdout
    assert "angles stored in {'rad'}" in result.stdout
