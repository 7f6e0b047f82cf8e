"""What a checkpoint of the earlier system does not say, and its user knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.tasks.table import TASKS
from xec_geometry.errors import did_you_mean
from xec_models.errors import CheckpointError

NO_TASK = "none"


@dataclass(frozen=True)
class Answers:
    """Answers to what the file leaves open.

    Attributes
    ----------
    angle_unit
        Unit of ``emiAng`` in the files that it was trained on, ``deg`` or ``rad``: outputs become degrees.
    npho_threshold
        Photons below which a sensor's time counts as invalid; None: the usual number.
    normalization
        Constants of the normalization by name, for those that the file does not state; ``preset`` among them
        names a set of constants.
    log_transform
        The tasks that were trained with ``log_transform: true``; None: not answered.
    """

    angle_unit: str = "deg"
    npho_threshold: float | None = None
    normalization: Mapping[str, str] = field(default_factory=dict)
    log_transform: tuple[str, ...] | None = None


def parse_constants(texts: list[str]) -> dict[str, str]:
    """Read constants of the normalization from ``KEY=VALUE``.

    Raises
    ------
    CheckpointError
        If one has another form, an unknown key, or is given twice.
    """
    constants: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise CheckpointError(f"--normalization '{text}': expected KEY=VALUE, e.g. time_scale=1.14e-7")
        if key not in NormalizationConfig.model_fields:
            names = tuple(NormalizationConfig.model_fields)
            raise CheckpointError(
                f"--normalization '{text}': unknown key '{key}'{did_you_mean(key, names)}; "
                f"expected one of {', '.join(names)}"
            )
        if key in constants:
            raise CheckpointError(f"--normalization gives {key} twice")
        constants[key] = value
    return constants


def parse_tasks(names: list[str]) -> tuple[str, ...] | None:
    """Read the tasks of ``--log-transform``; None if none are given, an empty tuple for ``none``.

    Raises
    ------
    CheckpointError
        If there is no such task.
    """
    known = (*TASKS, NO_TASK)
    for name in names:
        if name not in known:
            raise CheckpointError(
                f"--log-transform: unknown task '{name}'{did_you_mean(name, known)}; "
                f"expected one of {', '.join(known)}"
            )
    if not names:
        return None
    if NO_TASK in names and len(set(names)) > 1:
        raise CheckpointError(f"--log-transform: '{NO_TASK}' and tasks contradict each other")
    return tuple(name for name in dict.fromkeys(names) if name != NO_TASK)
