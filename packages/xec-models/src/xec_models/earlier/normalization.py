"""The normalization of a network of the earlier system, from its settings and its user's answers."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from xec_data.normalization.transforms import NormalizationConfig
from xec_models.earlier.answers import Answers
from xec_models.earlier.files import EarlierFile
from xec_models.earlier.remarks import Remarks, invalid_settings
from xec_models.errors import CheckpointError

THRESHOLD = "npho_threshold"
PRESET = "preset"
# Without one of these raw readings cannot be normalized as in the training.
NEEDED = ("npho_scale", "npho_scale2", "time_scale", "time_shift", "sentinel_time")
# Names of older files.
OLDER_NAMES = {"sentinel_value": "sentinel_time", "npho_sentinel_value": "sentinel_npho"}


def normalization_of(earlier: EarlierFile, answers: Answers, remarks: Remarks) -> dict[str, Any]:
    """Derive the section ``normalization``.

    Parameters
    ----------
    earlier
        The file.
    answers
        For constants that it does not state.
    remarks
        Receives what is assumed.

    Raises
    ------
    CheckpointError
        If constants are missing, or an answer contradicts the file.
    """
    stated = _stated(earlier)
    given = dict(answers.normalization)
    if answers.npho_threshold is not None:
        given[THRESHOLD] = str(answers.npho_threshold)
    preset = given.pop(PRESET, None)
    wanted = _validated(earlier, given | ({} if preset is None else {PRESET: preset}))
    for key in given:
        # The threshold is the user's: another one only makes more times invalid, or fewer.
        if key in stated and key != THRESHOLD and stated[key] != getattr(wanted, key):
            raise CheckpointError(
                f"{earlier.path}: --normalization {key}={given[key]} contradicts its settings, "
                f"which state {stated[key]}"
            )
    values = stated | {key: getattr(wanted, key) for key in given}
    missing = [key for key in NEEDED if key not in values]
    if missing and preset is None:
        raise CheckpointError(
            f"{earlier.path}: its settings have no {', '.join(missing)}; without them raw readings cannot be "
            "normalized as in its training: give what its training used, as --normalization KEY=VALUE or "
            "--normalization preset=legacy"
        )
    if preset is not None:
        filled = {
            key: getattr(wanted, key)
            for key in NormalizationConfig.model_fields
            if key not in values and key not in (PRESET, THRESHOLD)
        }
        values |= filled
        if filled:
            shown = ", ".join(f"{key}={value}" for key, value in filled.items())
            remarks.warn(f"not in its settings, from the preset '{preset}': {shown}")
    for key, usual in (("npho_scheme", "log1p"), ("sentinel_npho", values["sentinel_time"])):
        if key not in values:
            values[key] = usual
            remarks.warn(
                f"{key} is not in its settings: {usual} assumed (--normalization {key}=... for another)"
            )
    normalization = _validated(earlier, values).model_dump(mode="json")
    if THRESHOLD not in values:
        remarks.note(
            f"npho_threshold is not in its settings: {normalization[THRESHOLD]:g} photons assumed "
            "(--npho-threshold for another)"
        )
    return normalization


def _stated(earlier: EarlierFile) -> dict[str, Any]:
    """Return the constants that the file states, under their present names."""
    names = [key for key in NormalizationConfig.model_fields if key != PRESET]
    older = {
        new: earlier.config[old] for old, new in OLDER_NAMES.items() if earlier.config.get(old) is not None
    }
    return older | {key: earlier.config[key] for key in names if earlier.config.get(key) is not None}


def _validated(earlier: EarlierFile, values: dict[str, Any]) -> NormalizationConfig:
    try:
        return NormalizationConfig.model_validate(values)
    except ValidationError as error:
        raise CheckpointError(invalid_settings(earlier.path, error)) from error
