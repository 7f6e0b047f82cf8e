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
from xec_models.earlier.answers import Answers
from xec_models.earlier.files import SYSTEM, EarlierFile, read_earlier
from xec_models.earlier.parameters import ANGLE_UNITS, new_name, rename_parameters
from xec_models.earlier.remarks import Remarks
from xec_models.earlier.settings import configuration_of
from xec_models.earlier.tables import check_cells
from xec_models.errors import CheckpointError, ModelError
from xec_models.reconstruction.inpainter.earlier_per_face import cells_of_sensors
from xec_models.regressor.heads import heads_of

KIND_NAMES = {"regressor": "a regressor", "mae": "a masked autoencoder", "inpainter": "an inpainter"}


@dataclass(frozen=True)
class Conversion:
    """A converted checkpoint, with remarks on it.

    Attributes
    ----------
    checkpoint
        For `save_checkpoint`.
    found, notes
        Content of the file; deviations from it and assumptions. A line each.
    warnings
        Assumptions that make numbers wrong if they are. A line each.
    n_tensors
        Number of parameter tensors.
    """

    checkpoint: Checkpoint
    found: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    n_tensors: int


def convert_checkpoint(path: str | Path, answers: Answers | None = None) -> Conversion:
    """Convert a regressor, a masked autoencoder or an inpainter of the earlier system.

    Parameters
    ----------
    path
        A checkpoint of ``xec-ml-wl``.
    answers
        What the file does not say; None: the usual.

    Returns
    -------
    Conversion
        A checkpoint whose network gives the numbers of the original, on normalized inputs.

    Raises
    ------
    CheckpointError
        If the file is no such checkpoint, its settings are incomplete, its parameters are not those of a
        network with these settings, or its numbers could not be reproduced.
    """
    answers = answers or Answers()
    unit = answers.angle_unit
    if unit not in ANGLE_UNITS:
        raise CheckpointError(f"angle unit '{unit}'{did_you_mean(unit, ANGLE_UNITS)}: expected deg or rad")
    earlier, remarks = read_earlier(path), Remarks()
    config = configuration_of(earlier, answers, remarks)
    if earlier.kind == "inpainter":
        pool = config["model"]["outer_fine_pool"] or (1, 1)
        check_cells(earlier.path, earlier.tables, *cells_of_sensors(tuple(pool), SYSTEM))
    last = rename_parameters(earlier, earlier.state, config, unit)
    averaged = earlier.averaged and rename_parameters(earlier, earlier.averaged, config, unit)
    weights = NetworkWeights(last, averaged)
    checkpoint = new_checkpoint(earlier.kind, config, weights, epoch=earlier.epoch, converted_from=SYSTEM)
    try:
        build_model(checkpoint, source=str(path))
        if averaged is not None:
            build_model(checkpoint, prefer_ema=False, source=str(path))
    except ModelError as error:
        raise CheckpointError(f"{path}: {error}") from error
    for line in _leftovers(earlier, config):
        remarks.note(line)
    return Conversion(
        checkpoint,
        tuple(_found(earlier, config)),
        tuple(remarks.notes),
        tuple(remarks.warnings),
        len(weights.validated),
    )


def _found(earlier: EarlierFile, config: Mapping[str, Any]) -> list[str]:
    weights = "averaged (EMA) and last" if earlier.averaged is not None else "last (no EMA)"
    epoch = "" if earlier.epoch is None else f", epoch {earlier.epoch}"
    lines = [f"{KIND_NAMES[earlier.kind]} of {SYSTEM}{epoch}; weights: {weights}"]
    if earlier.tables:
        lines.append(f"{len(earlier.tables)} tables of sensors and neighbours: those of the layout {SYSTEM}")
    uncertain = [name for name, task in config.get("tasks", {}).items() if task["loss_fn"] == "gaussian_nll"]
    return lines + ([f"heads with an uncertainty: {', '.join(uncertain)}"] if uncertain else [])


def _leftovers(earlier: EarlierFile, config: Mapping[str, Any]) -> list[str]:
    inactive = [name for name in heads_of(earlier.state) if name not in config.get("tasks", {})]
    other = [name for name in earlier.state if new_name(earlier, name) is None] + list(earlier.counters)
    lines = [f"not converted, heads of inactive tasks: {', '.join(inactive)}"] if inactive else []
    return lines + ([f"not converted: {', '.join(dict.fromkeys(other))}"] if other else [])
