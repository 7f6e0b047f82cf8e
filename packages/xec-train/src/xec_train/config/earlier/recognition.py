"""Configurations of the earlier system xec-ml-wl are recognized by their keys."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from xec_train.config.earlier.table import earlier_key
from xec_train.objectives.table import DEFAULT

_MARKS = {
    "regression": ("tasks", "loss_balance", "reweighting", "export"),
    "inpainting": (
        *("model.head_type", "model.head", "model.freeze_encoder", "model.mask_npho_flat"),
        *("model.use_local_context", "model.use_masked_attention", "model.cross_attn_k"),
        *("model.sensor_positions_file", "training.mae_checkpoint"),
    ),
    "mae": ("model.decoder_dim", "model.mask_ratio", "model.predict_channels"),
}
"""Keys that only files of an objective have; the first objective that has one counts."""
# One such key may be a habit in a new file, which is told by itself.
_ENOUGH = 2
_SHOWN = 3


def marked_objective(sections: Mapping[str, Any]) -> tuple[str, str] | None:
    """Find the objective of a file that does not state it.

    Returns
    -------
    str, str
        The objective, and the key that shows it; None if no key is of one.
    """
    for objective, marks in _MARKS.items():
        found = next((key for key in marks if _states(sections, key)), None)
        if found is not None:
            return objective, found
    return None


def unread_keys(sections: Mapping[str, Any]) -> list[str]:
    """List the keys that only the earlier system has, and that a training does not read."""
    entries = {key: entry for key in _keys(sections) if (entry := earlier_key(key)) is not None}
    return [key for key, entry in entries.items() if not entry.accepted and entry.new != (entry.key,)]


def describe_earlier(path: Path, sections: Mapping[str, Any], accepted: Collection[str] = ()) -> str | None:
    """Tell that a file is one of the earlier system, and the command that converts it.

    Parameters
    ----------
    path
        The file.
    sections
        Its content.
    accepted
        Keys of the earlier system that were found in it and are read as they are.

    Returns
    -------
    str or None
        None for a file of xec, which states its objective unless it is the default, and for one with a
        single key of the earlier system.
    """
    if "objective" in sections:
        return None
    unread = unread_keys(sections)
    found = [*unread, *accepted]
    marked = marked_objective(sections)
    other = marked is not None and marked[0] != DEFAULT
    if len(unread) < _ENOUGH and not (found and other):
        return None
    listed = ", ".join(found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"a configuration of the earlier system xec-ml-wl (it has {listed}{more}); "
        f"'{convert_command(path)}' makes it one of xec"
    )


def convert_command(path: Path) -> str:
    """Return the command that converts a file of the earlier system."""
    return f"xec config convert {shlex.quote(str(path))} -o NEW.yaml"


def _states(sections: Mapping[str, Any], key: str) -> bool:
    parent, _, name = key.rpartition(".")
    section = sections.get(parent) if parent else sections
    return isinstance(section, Mapping) and name in section


def _keys(sections: Mapping[str, Any], parent: str = "") -> Iterator[str]:
    for name, value in sections.items():
        yield f"{parent}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{parent}{name}.")
