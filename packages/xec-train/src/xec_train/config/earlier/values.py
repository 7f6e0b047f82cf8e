"""Values of the earlier system that mean something else here, and those that mean the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class EarlierConfig:
    """A configuration of the earlier system.

    Attributes
    ----------
    sections
        Its content.
    angle_unit
        Unit of emiAng in its files, deg or rad.
    """

    sections: Mapping[str, Any] = field(default_factory=dict)
    angle_unit: str = "deg"

    def get(self, path: str) -> Any:
        """Return the value of a dotted key, None if it is not stated."""
        value: Any = self.sections
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


# Standard deviations of the true values of simulated photons from the target, for files that cannot be read:
# degrees, seconds and cm of `xec data simulate` with its defaults; the energy uniform from 15 to 60 MeV.
NOMINAL_SPREADS: Mapping[str, tuple[float, ...]] = {
    "angle": (12.0, 34.2),
    "energy": (0.013,),
    "timing": (1.84e-10,),
    "uvwFI": (14.3, 38.8, 3.67),
}


def schedule(value: Any, _key: str, _file: EarlierConfig) -> tuple[Any, str]:
    """Name the schedule that is none."""
    return ("none", "") if value is None else (value, "")


def off(value: Any, _key: str, _file: EarlierConfig) -> tuple[Any, str]:
    """Name the mode of compiling that is none."""
    return ("off", "") if value in (None, False, "none") else (value, "")


def squared(value: Any, _key: str, _file: EarlierConfig) -> tuple[Any, str]:
    """Rename the loss l2."""
    return ("mse", "the square of the deviation") if value == "l2" else (value, "")


def all_events(value: Any, _key: str, _file: EarlierConfig) -> tuple[Any, str]:
    """Write true as all, and false as none."""
    if isinstance(value, bool):
        return ("all" if value else 0), "a number of events, or all"
    return value, ""


def full_names(value: Any, _key: str, _file: EarlierConfig) -> tuple[Any, str]:
    """Rename the face bot in fractions of faces."""
    if not isinstance(value, Mapping) or "bot" not in value:
        return value, ""
    return {"bottom" if face == "bot" else face: part for face, part in value.items()}, "bot is bottom"


def pool(value: Any, _key: str, file: EarlierConfig) -> tuple[Any, str]:
    """Write rows and columns of a pooling as two numbers, and none where there is nothing to pool."""
    if value is not None and file.get("model.outer_mode") == "split":
        return None, "the outer_mode split has no fine grid"
    if isinstance(value, int) and not isinstance(value, bool):
        return [value, value], "rows and columns"
    return value, ""


def standardized_beta(value: Any, key: str, file: EarlierConfig) -> tuple[Any, str]:
    """Convert a transition point from the unit of the task to the spread of its true values."""
    from xec_data.tasks.table import TASKS
    from xec_models.losses.table import LOSSES

    section, name = key.rpartition(".")[0], key.split(".")[1]
    task = TASKS.get(name)
    if task is None or not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        return value, ""
    loss = LOSSES.get(str(file.get(f"{section}.loss_fn") or task.default_loss))
    if loss is None or not loss.beta_in_spreads:
        return value, ""
    logarithm = bool(file.get(f"{section}.log_transform"))
    spreads, source = _spreads(name, file, logarithm=logarithm)
    if not spreads:
        return value, ""
    unit = "1" if logarithm else task.unit
    if name == "angle":
        # Degrees here.
        value, unit = (math.degrees(value), "deg") if file.angle_unit == "rad" else (value, unit)
    beta = value / math.prod(spreads) ** (1 / len(spreads))
    doubt = " (--angle-unit rad if β was in radians)" if name == "angle" and file.angle_unit == "deg" else ""
    listed = ", ".join(f"{spread:.3g}" for spread in spreads)
    unit_of_beta = "the spread" if len(spreads) == 1 else "the geometric mean of the spreads"
    return (
        float(f"{beta:.3g}"),
        f"{value:.4g} {unit} in units of {unit_of_beta} of the true values, {listed} {unit} {source}{doubt}",
    )


def _spreads(task: str, file: EarlierConfig, *, logarithm: bool) -> tuple[tuple[float, ...], str]:
    """Return the spread of each output over the training events, or a usual one; and where it comes from."""
    found = _spreads_in_files(task, file, logarithm=logarithm)
    if found:
        return found, "in the training files"
    nominal = () if logarithm else NOMINAL_SPREADS.get(task, ())
    return nominal, "in simulated events, because data.train_path could not be read"


def _spreads_in_files(task: str, file: EarlierConfig, *, logarithm: bool) -> tuple[float, ...]:
    import numpy as np
    from pydantic import ValidationError

    from xec_data.tasks.table import TASKS
    from xec_geometry.errors import XecError
    from xec_train.config.sections import DataConfig
    from xec_train.data.events import open_events

    stated = file.get("data") or {}
    try:
        data = DataConfig.model_validate(
            {name: stated[name] for name in DataConfig.model_fields if name in stated}
        )
        events = open_events(data.train_path, TASKS[task].truth.branches, data)
        values = np.asarray(TASKS[task].true_values(events.truth), np.float64)
        spreads = (np.log(values) if logarithm else values).std(axis=0)
    except (XecError, ValidationError):
        return ()
    return tuple(map(float, spreads)) if np.isfinite(spreads).all() and spreads.all() else ()


def reciprocal(text: str) -> float | None:
    """Return 1/x of a number as people type it; None if it is none, or 0."""
    try:
        number = float(text)
    except ValueError:
        return None
    return 1 / number if number and math.isfinite(number) else None
