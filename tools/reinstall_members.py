"""Install the six packages again in the current environment.

Hatch installs the members of the workspace once; a new entry point, dependency or version reaches the
environment only through a new editable installation.
"""

import subprocess
import sys
from pathlib import Path

members = sorted((Path(__file__).parents[1] / "packages").iterdir())
command = [sys.executable, "-m", "pip", "install", "--quiet"]
for member in members:
    command += ["--editable", str(member)]
sys.exit(subprocess.call(command))
