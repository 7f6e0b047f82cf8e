"""Checkpoints of the earlier system ``xec-ml-wl``: their content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from xec_geometry import Layout
from xec_models.checkpoint.plain import load_plain
from xec_models.earlier.tables import check_tables, is_table
from xec_models.errors import CheckpointError

SYSTEM: Layout = "xec-ml-wl"
STATE, AVERAGED = "model_state_dict", "ema_state_dict"
WRAPPERS = ("module.", "_orig_mod.")

# Start of the encoder's names, by the kind of the network.
ENCODERS = {"regressor": "backbone.", "mae": "encoder.", "inpainter": "encoder."}
# Start of the names that tell the kind.
KINDS = {"backbone.": "regressor", "dec_": "mae", "head_": "inpainter", "cross_attn_head.": "inpainter"}


@dataclass(frozen=True)
class EarlierFile:
    """A checkpoint of ``xec-ml-wl``.

    Attributes
    ----------
    path
        Its name.
    kind
        ``regressor``, ``mae`` or ``inpainter``.
    state, averaged
        Parameters without the prefixes of wrappers, tables and counters; `averaged` may be None.
    tables
        The tables that were found; they agree with the layout.
    counters
        Names of entries that are no parameters.
    config
        Its dictionary of settings.
    epoch
        Last epoch, None if not stated.
    """

    path: Path
    kind: str
    state: dict[str, Tensor]
    averaged: dict[str, Tensor] | None
    tables: dict[str, Tensor]
    counters: tuple[str, ...]
    config: dict[str, Any]
    epoch: int | None

    @property
    def prefix(self) -> str:
        """Start of the names of the encoder's parameters."""
        return ENCODERS[self.kind]


def read_earlier(path: str | Path) -> EarlierFile:
    """Read a checkpoint of the earlier system; nothing in it is executed.

    Raises
    ------
    CheckpointError
        If it cannot be read, holds pickled objects, is no such checkpoint, or was trained on other
        tables of neighbours and indices.
    """
    path = Path(path)
    content = load_plain(path)
    if isinstance(content, Mapping) and "format_version" in content:
        raise CheckpointError(f"{path} is a checkpoint of xec already: nothing to convert")
    found = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else type(content).__name__
    for key in (STATE, "config"):
        if not isinstance(content, Mapping) or not isinstance(content.get(key), Mapping):
            raise CheckpointError(
                f"{path} is no checkpoint of {SYSTEM}: expected the dictionary '{key}', "
                f"found {found or 'nothing'}"
            )
    assert isinstance(content, Mapping)
    state, tables, counters = _sorted(content[STATE])
    kind = next(
        (kind for start, kind in KINDS.items() if any(name.startswith(start) for name in state)), None
    )
    if kind is None:
        raise CheckpointError(
            f"{path} holds no network that can be converted: found {', '.join(_starts(state)) or 'nothing'}; "
            "expected backbone.* and heads.* (a regressor), encoder.* and dec_* (a masked autoencoder), or "
            "encoder.* and head_* or cross_attn_head.* (an inpainter)"
        )
    averaged = None
    if content.get(AVERAGED):
        averaged, more_tables, more_counters = _sorted(content[AVERAGED])
        tables |= more_tables
        counters = (*counters, *more_counters)
    check_tables(path, tables)
    epoch = content.get("epoch")
    return EarlierFile(
        path,
        kind,
        state,
        averaged,
        tables,
        tuple(dict.fromkeys(counters)),
        dict(content["config"]),
        epoch if isinstance(epoch, int) else None,
    )


def _sorted(
    stored: Mapping[str, Any],
) -> tuple[dict[str, Tensor], dict[str, Tensor], tuple[str, ...]]:
    """Return parameters, tables and the names of all other entries."""
    parameters, tables, rest = {}, {}, []
    for stored_name, value in stored.items():
        name = str(stored_name)
        while name.startswith(WRAPPERS):
            name = name.split(".", 1)[1]
        if is_table(name):
            tables[name] = value
        elif isinstance(value, Tensor) and "." in name:
            parameters[name] = value
        else:
            rest.append(name)
    return parameters, tables, tuple(rest)


def _starts(names: Mapping[str, Tensor]) -> list[str]:
    return list(dict.fromkeys(f"{name.split('.')[0]}.*" for name in names))
