"""The conversion of a checkpoint of the earlier system ``xec-ml-wl``, with the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xec_geometry.errors import did_you_mean
from xec_models.checkpoint.building import build_model
from xec_models.checkpoint.content import Checkpoint, NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint
from xec_models.earlier.files import SYSTEM, EarlierFile, read_earlier
from xec_models.earlier.parameters import ANGLE_UNITS, missing_decoder, new_name, rename_parameters
from xec_models.earlier.settings import configuration_of
from xec_models.errors import CheckpointError
from xec_models.regressor.heads import heads_of


@dataclass(frozen=True)
class Conversion:
    """A converted checkpoint, with remarks on it.

    Attributes
    ----------
    checkpoint
        For `save_checkpoint`.
    found, notes
        Content of the file; deviations from it and assumptions. A line each.
    n_tensors
        Number of parameter tensors.
    """

    checkpoint: Checkpoint
    found: tuple[str, ...]
    notes: tuple[str, ...]
    n_tensors: int


def convert_checkpoint(
    path: str | Path, *, angle_unit: str = "deg", npho_threshold: float | None = None
) -> Conversion:
    """Convert a regressor or a masked autoencoder of the earlier system.

    Parameters
    ----------
    path
        A checkpoint of ``xec-ml-wl``.
    angle_unit
        Unit of ``emiAng`` in the files that it was trained on, ``deg`` or ``rad``: outputs become
        degrees. The file does not say it.
    npho_threshold
        Photons below which a sensor's time counts as invalid; None: the usual number.

    Returns
    -------
    Conversion
        A checkpoint whose network gives the numbers of the original, on normalized inputs.

    Raises
    ------
    CheckpointError
        If the file is no such checkpoint, its settings are incomplete, or its parameters are not those
        of a network with these settings.
    """
    if angle_unit not in ANGLE_UNITS:
        raise CheckpointError(
            f"angle unit '{angle_unit}'{did_you_mean(angle_unit, ANGLE_UNITS)}: expected deg or rad"
        )
    earlier = read_earlier(path)
    notes: list[str] = []
    config = configuration_of(earlier, angle_unit=angle_unit, npho_threshold=npho_threshold, notes=notes)
    last = rename_parameters(earlier, earlier.state, config, angle_unit)
    averaged = earlier.averaged and rename_parameters(earlier, earlier.averaged, config, angle_unit)
    if earlier.kind == "mae" and (centre := missing_decoder(last, config)):
        last, averaged = {**last, **centre}, averaged and {**averaged, **centre}
        notes.append("no decoder of the outer centre patch in it: random initial values")
    weights = NetworkWeights(last, averaged)
    checkpoint = new_checkpoint(earlier.kind, config, weights, epoch=earlier.epoch, converted_from=SYSTEM)
    build_model(checkpoint, source=str(path))
    if averaged is not None:
        build_model(checkpoint, prefer_ema=False, source=str(path))
    notes += _leftovers(earlier, config)
    return Conversion(checkpoint, tuple(_found(earlier)), tuple(notes), len(weights.validated))


def _found(earlier: EarlierFile) -> list[str]:
    weights = "averaged (EMA) and last" if earlier.averaged is not None else "last (no EMA)"
    epoch = "" if earlier.epoch is None else f", epoch {earlier.epoch}"
    lines = [f"a {earlier.kind} of {SYSTEM}{epoch}; weights: {weights}"]
    if earlier.tables:
        lines.append(f"{len(earlier.tables)} tables of sensors and neighbours: those of the layout {SYSTEM}")
    return lines


def _leftovers(earlier: EarlierFile, config: Mapping[str, Any]) -> list[str]:
    inactive = [name for name in heads_of(earlier.state) if name not in config.get("tasks", {})]
    other = [name for name in earlier.state if new_name(earlier, name, "") is None] + list(earlier.counters)
    lines = [f"not converted, heads of inactive tasks: {', '.join(inactive)}"] if inactive else []
    return lines + ([f"not converted: {', '.join(dict.fromkeys(other))}"] if other else [])
