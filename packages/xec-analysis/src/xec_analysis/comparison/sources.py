"""What is given to `xec compare`, and what each of it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.resolution.loading import locate_results
from xec_data.reading.root_files import open_tree
from xec_data.schema.branches import NPHO_BRANCH, TREE_NAME
from xec_geometry.support.input import special_kind
from xec_models.checkpoint.run_directory import RunDirectory
from xec_models.regressor.predictions import PREDICTED

_ROOT, _ZIP = b"root", b"PK\x03\x04"


class Content(Enum):
    """Something that can be compared with its like."""

    RUN = "run of a training"
    NETWORK = "checkpoint of a network"
    PREDICTIONS = "predictions"
    EVENTS = "readings of events"


@dataclass(frozen=True)
class Source:
    """One of the things to compare.

    Attributes
    ----------
    path
        Run directory, checkpoint or file.
    contents
        All that it holds.
    run
        The run directory, also that of a checkpoint; None if there is none.
    """

    path: Path
    contents: frozenset[Content]
    run: RunDirectory | None = None

    @property
    def checkpoint(self) -> Path:
        """The checkpoint, of a run its best one."""
        return self.path if self.run is None or self.path != self.run.path else self.run.checkpoint_best

    def __str__(self) -> str:
        held = " and ".join(content.value for content in Content if content in self.contents)
        return f"{self.path} ({held})"


def open_source(path: Path, *, tree_name: str = TREE_NAME, npho_branch: str = NPHO_BRANCH) -> Source:
    """Recognize a run directory, a checkpoint, or a file of predictions or events.

    Parameters
    ----------
    path
        Where it is; a run also by its name in `artifacts/`.
    tree_name, npho_branch
        Names in files of events.

    Raises
    ------
    XecError
        If there is nothing there, or it is something else.
    """
    found = locate_results(path)
    if kind := special_kind(found):
        raise AnalysisError(f"{path} is {kind}; expected a run directory, a checkpoint or a file of events")
    if found.is_dir():
        return Source(found, frozenset({Content.RUN}), RunDirectory.open(found))
    with found.open("rb") as file:
        beginning = file.read(len(_ROOT))
    if beginning == _ZIP:
        run = RunDirectory(found.parent)
        if run.has_results:
            return Source(found, frozenset({Content.NETWORK, Content.RUN}), run)
        return Source(found, frozenset({Content.NETWORK}))
    if beginning != _ROOT:
        # A table of text; what it lacks is told when it is read.
        return Source(found, frozenset({Content.PREDICTIONS}))
    with open_tree(found, tree_name) as tree:
        names = tree.keys(recursive=True, full_paths=False)
    held = set()
    if any(name.startswith(PREDICTED) for name in names):
        held.add(Content.PREDICTIONS)
    if npho_branch in names:
        held.add(Content.EVENTS)
    if not held:
        raise AnalysisError(
            f"{found}: neither predictions (branches {PREDICTED}…, written by 'xec predict') nor readings "
            f"(branch {npho_branch!r}) in its tree {tree_name!r}; found {', '.join(sorted(names)[:8])}"
        )
    return Source(found, frozenset(held))
