"""Public names of `xec_geometry`, and modules that importing it does not load."""

import subprocess
import sys

import pytest

import xec_geometry


def loaded_after(statement):
    script = f"import sys; {statement}; print(*sorted(name for name in sys.modules if '.' not in name))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return set(output.split())


def test_import_is_light():
    assert "numpy" not in loaded_after("import xec_geometry")
    extra = loaded_after("from xec_geometry import *") - loaded_after("import numpy")
    assert "xec_geometry" in extra
    assert not extra & {"scipy", "matplotlib", "rich", "typer", "torch", "uproot", "csv", "json"}


def test_all_names_exist():
    for name in xec_geometry.__all__:
        assert getattr(xec_geometry, name) is not None


@pytest.mark.parametrize("name", ["solid_angle", "read_survey", "geometry_hash", "hex_edges"])
def test_functions_are_not_shadowed_by_modules(name):
    assert callable(getattr(xec_geometry, name))
