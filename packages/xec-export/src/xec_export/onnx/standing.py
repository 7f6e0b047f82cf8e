"""An export that stands where another one is to go, under a name that nobody chose."""

from __future__ import annotations

from pathlib import Path

from xec_export.onnx.description import ModelDescription
from xec_export.prediction.model_file import describe_file
from xec_geometry.errors import XecError
from xec_geometry.support.output import OutputError

# What a checkpoint decides, and no option of an export.
_OF_CHECKPOINT = (
    "name", "epoch", "weights", "npho_branch", "time_branch", "layout", "geometry_hash", "normalization",
    "versions", "git_revision", "input_range",
)  # fmt: skip


def check_standing(path: Path, description: ModelDescription, *, force: bool = False) -> str:
    """Check that what stands at a path is an earlier export of the same checkpoint, or nothing.

    Parameters
    ----------
    path
        Where an export is to go.
    description
        Of the network to be exported.
    force
        Whether anything else may be replaced, too.

    Returns
    -------
    str
        What will be replaced, in words; empty if there is nothing, or the same.

    Raises
    ------
    OutputError
        If something else stands there that may not be replaced.
    """
    if not path.exists():
        return ""
    try:
        standing = describe_file(path)
    except XecError:
        what, same = "a file that is no export of xec", False
    else:
        what = _in_words(standing)
        same = all(getattr(standing, key) == getattr(description, key) for key in _OF_CHECKPOINT)
    if not (same or force):
        raise OutputError(
            f"{path} exists: {what}, not made of this checkpoint ({_in_words(description)}); expected "
            "another name with -o, or --force to replace it"
        )
    return "" if what == _in_words(description) else what


def _in_words(description: ModelDescription) -> str:
    epoch = "" if description.epoch is None else f", epoch {description.epoch}"
    mirrored = ", averaged over reflections" if description.mirror_average else ""
    return (
        f"the {description.kind} '{description.name}'{epoch} ({', '.join(description.tasks)}; "
        f"{description.precision}{mirrored})"
    )
