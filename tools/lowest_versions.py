"""Test the six packages with every direct dependency at its lower bound.

Makes a fresh environment with `uv` (`pip install uv`), installs the packages and all their extras at the
lowest versions that they declare, and runs tests there. torch comes with its GPU libraries, 3 GB, unless
`--torch` names another version, e.g. one that has a wheel for the CPU at hand.

    python tools/lowest_versions.py                        # the tests below
    python tools/lowest_versions.py --torch 2.13.0+cpu -- tests/data -x
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = (
    "tests/geometry",
    "tests/data",
    "tests/models",
    "tests/train/cluster/test_submission.py",
    "tests/train/config/test_config.py",
    "tests/train/data/test_loader.py",
    "tests/train/regression/test_regression.py",
    "tests/train/tracking/test_tensorboard.py",
    "tests/train/tracking/test_tracking.py",
    "tests/train/runs/test_training.py",
    "tests/export",
    "tests/analysis/calibration",
    "tests/analysis/resolution/test_pages.py",
    "tests/analysis/resolution/test_profiles.py",
    "tests/analysis/resolution/test_results.py",
    "tests/analysis/resolution/test_table.py",
    "tests/workspace/test_command_host.py",
)
# Old versions among new ones of what they need themselves: their deprecations are not ours to mend.
WARNINGS = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning", "SyntaxWarning")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default="3.11", help="version of the interpreter, 3.11 by default")
    parser.add_argument("--torch", default=lowest_torch(), help="another version of torch, e.g. 2.13.0+cpu")
    parser.add_argument("--environment", type=Path, help="folder to keep the environment in")
    parser.add_argument("--highest", action="store_true", help="the newest versions instead of the lowest")
    parser.add_argument("tests", nargs="*", default=TESTS, help="arguments of pytest")
    options = parser.parse_args()
    if shutil.which("uv") is None:
        sys.exit("lowest_versions: 'uv' is not on the PATH: pip install uv")
    with tempfile.TemporaryDirectory() as temporary:
        environment = options.environment or Path(temporary) / "environment"
        overrides = Path(temporary) / "overrides.txt"
        # Left to itself, the resolver takes a later torch than the lowest.
        overrides.write_text("" if options.highest else f"torch=={options.torch}\n")
        python = environment / "bin" / "python"
        run("uv", "venv", "--quiet", "--clear", "--python", options.python, environment)
        command = ["uv", "pip", "install", "--quiet", "--python", python, "--overrides", overrides]
        command += ["--resolution", "highest" if options.highest else "lowest-direct"]
        run(*command, "pytest>=8.3", *requirements())
        run("uv", "pip", "list", "--quiet", "--python", python)
        ignored = [f"-Wignore::{warning}" for warning in WARNINGS]
        return run(python, "-m", "pytest", "-q", *ignored, *options.tests, check=False)


def lowest_torch() -> str:
    """The highest of the packages' lower bounds of torch: what they need together."""
    bounds = []
    for package in (ROOT / "packages").iterdir():
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        bounds += [
            line.removeprefix("torch>=") for line in project["dependencies"] if line.startswith("torch>=")
        ]
    return max(bounds, key=lambda bound: tuple(map(int, bound.split("."))))


def requirements() -> list[str | Path]:
    """The six packages with all their extras, editable."""
    found: list[str | Path] = []
    for package in sorted((ROOT / "packages").iterdir()):
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        extras = ",".join(project.get("optional-dependencies", {}))
        found += ["--editable", f"{package}[{extras}]" if extras else package]
    return found


def run(*command: str | Path, check: bool = True) -> int:
    """Run a command in the root of the repository, without the packages of this environment."""
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return subprocess.run(command, cwd=ROOT, env=environment, check=check).returncode


if __name__ == "__main__":
    sys.exit(main())
