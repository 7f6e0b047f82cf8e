"""Artifacts of a finished run by other installed packages: export, plots, and others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint
from pathlib import Path

from xec_geometry.support.entry_points import entry_points
from xec_geometry.support.text import first_line

GROUP = "xec.run_artifacts"


def make_artifacts(
    run: Path, warn: Callable[[str], None], plugins: Iterable[EntryPoint] | None = None
) -> list[Path]:
    """Call every entry point of the group ``xec.run_artifacts``.

    Parameters
    ----------
    run
        The run directory, passed to each of them.
    warn
        Called with one line for each that fails; the training is not affected.
    plugins
        The entry points; by default those of all installed packages.

    Returns
    -------
    list of Path
        The files they wrote.
    """
    written: list[Path] = []
    found = entry_points(group=GROUP) if plugins is None else plugins
    for plugin in sorted(found, key=lambda plugin: plugin.name):
        try:
            written += [Path(path) for path in plugin.load()(run)]
        except Exception as error:
            reason = first_line(error)
            warn(f"'{plugin.name}' ({plugin.value}) failed: {type(error).__name__}: {reason}")
    return written
