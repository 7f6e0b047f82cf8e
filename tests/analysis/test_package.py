"""Importing the package and listing its commands costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import xec_analysis

HEAVY = ("matplotlib", "hist", "uproot", "torch", "scipy", "rich", "numpy")


def test_every_public_name_resolves():
    for name in xec_analysis.__all__:
        assert getattr(xec_analysis, name) is not None
    assert {*dir(xec_analysis), "__version__"} == set(xec_analysis.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = xec_analysis.nothing


def test_package_and_commands_import_nothing_heavy():
    modules = ", ".join(f"xec_analysis.commands.{name}" for name in ("plot", "display", "bound", "demo"))
    code = f"import sys, typer; before = set(sys.modules); import xec_analysis, {modules}; "
    code += f"print([name for name in {HEAVY!r} if name in set(sys.modules) - before])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_plots_need_no_torch():
    names = ("resolution.pages", "events.display", "estimators.network_comparison")
    modules = ", ".join(f"xec_analysis.{name}" for name in names)
    code = f"import sys, {modules}; "
    code += "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
