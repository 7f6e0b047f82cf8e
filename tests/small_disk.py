"""Small and read-only file systems, in a namespace of mounts that ends with the processes in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

# Without privileges, too, where the system lets users make namespaces.
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@cache
def _refusal() -> str | None:
    if shutil.which("unshare") is None:
        return "there is no unshare"
    tried = subprocess.run(
        [*_NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True, check=False
    )
    return f"no mounts in a namespace: {tried.stderr.strip()}" if tried.returncode else None


def in_namespace(command: Sequence[str], *, prepared_by: str = "true", **folders: Path) -> list[str]:
    """The same command in a namespace of its own, after a line of shell; skips the test where there is none.

    Parameters
    ----------
    command
        The command.
    prepared_by
        Commands of a shell that mount; what they and the command write there is seen by nobody else.
    folders
        Their variables.
    """
    if (reason := _refusal()) is not None:
        pytest.skip(reason)
    variables = [f"{name}={path}" for name, path in folders.items()]
    script = f'{prepared_by} && exec "$@"'
    return ["env", *variables, *_NAMESPACE, "sh", "-c", script, "sh", *command]
