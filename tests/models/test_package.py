import subprocess
import sys

import xec_models

LIGHT = (
    "config.network",
    "errors",
    "losses",
    "regressor.metrics",
    "regressor.predictions",
    "checkpoint.run_directory",
)


def test_every_public_name_resolves():
    for name in xec_models.__all__:
        assert getattr(xec_models, name) is not None
    assert {*dir(xec_models), "__version__"} == set(xec_models.__all__)


def test_neither_the_package_nor_its_light_modules_import_torch():
    modules = ", ".join(f"xec_models.{name}" for name in LIGHT)
    code = f"import sys, xec_models, {modules}; print('torch' in sys.modules, 'uproot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_only_attention_imports_torch_geometric():
    code = """
import sys
from xec_models.blocks.hexnext import HexNeXtBlock
for hex_conv in ("depthwise", "attention"):
    HexNeXtBlock(8, hex_conv=hex_conv)
    print("torch_geometric" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
