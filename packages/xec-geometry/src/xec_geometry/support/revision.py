"""The state of the code that runs: the commit of its checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def git_revision(file: str) -> str | None:
    """Return the commit of the checkout that tracks a file.

    Parameters
    ----------
    file
        A module of the code, ``__file__``.

    Returns
    -------
    str or None
        The whole hash; None where the file is tracked by no checkout, as that of an installed wheel in
        somebody's own repository.
    """
    if _git(file, "ls-files", "--error-unmatch", Path(file).name) is None:
        return None
    return _git(file, "rev-parse", "HEAD")


@cache
def describe_revision(file: str) -> str:
    """Return `git_revision` in short, with ``-dirty`` if the code was changed since; ``unknown`` without."""
    if git_revision(file) is None:
        return "unknown"
    return _git(file, "describe", "--always", "--dirty", "--exclude=*") or "unknown"


def _git(file: str, *arguments: str) -> str | None:
    command = ["git", "-C", str(Path(file).parent), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
