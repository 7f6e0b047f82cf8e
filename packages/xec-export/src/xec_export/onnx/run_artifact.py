"""The export of a run directory at the end of its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xec_models.checkpoint.run_directory import RunDirectory

# As in the training's configuration.
DEFAULT_NAME = "<run>.onnx"


def export_run(run_dir: Path) -> list[Path]:
    """Export the best checkpoint of a run directory, of any kind that `xec export` knows.

    Parameters
    ----------
    run_dir
        A run directory. ``export.onnx`` in its ``config.yaml`` names the file inside it, with ``<run>``
        for the run's name; absent is ``<run>.onnx``, null exports nothing.

    Returns
    -------
    list of Path
        The ONNX file and its description, or nothing.

    Raises
    ------
    ExportError, RunDirectoryError
        If the configuration cannot be read, the export fails, or its predictions differ from the network's.
    """
    from xec_models.checkpoint.run_directory import RunDirectory

    run = RunDirectory.open(run_dir)
    output = _wanted(run)
    if output is None:
        return []

    from xec_export.onnx.export import export_checkpoint

    report = export_checkpoint(run.checkpoint_best, output)
    return [report.onnx, report.json]


def _wanted(run: RunDirectory) -> Path | None:
    section = run.read_config().get("export") or {}
    name = section.get("onnx", DEFAULT_NAME)
    return None if name is None else run.path / str(name).replace("<run>", run.name)
