"""Checkpoint files as plain dictionaries: tests pin what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from xec_models.checkpoint.plain import load_plain


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The dictionary in a checkpoint file."""
    return cast("dict[str, Any]", load_plain(Path(path)))
