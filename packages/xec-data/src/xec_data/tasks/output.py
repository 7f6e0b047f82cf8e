"""An output: one number that a task predicts, and its change under reflections of the detector."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xec_data.errors import DataError
from xec_geometry.detector.coordinates import wrap_degrees
from xec_geometry.detector.mirrors import MIRRORS, MirrorName
from xec_geometry.errors import did_you_mean

ResidualKind = Literal["difference", "ratio", "angle"]


@dataclass(frozen=True)
class Reflection:
    """The change of a value when the whole event is reflected: value ↦ sign · value + offset."""

    sign: float = 1.0
    offset: float = 0.0

    def apply(self, values: Any) -> Any:
        """Reflect values: an array or tensor of any shape."""
        return values * self.sign + self.offset

    def then(self, other: Reflection) -> Reflection:
        """Return the change by this reflection and the other after it."""
        return Reflection(self.sign * other.sign, other.apply(self.offset))


_ROUNDING = 1e-6

UNCHANGED = Reflection()
REVERSED = Reflection(sign=-1.0)


@dataclass(frozen=True)
class Output:
    """One number that a task predicts.

    Attributes
    ----------
    name
        Its name: files call it ``pred_<name>`` and ``truth_<name>``, metrics begin with it.
    unit
        Its unit in files, in the network's output and in metrics; ``1`` for pure numbers.
    symbol
        Its symbol in plots, in matplotlib's math text; by default the name.
    label
        Its name in tables of the terminal; by default the name.
    residual
        ``difference``: prediction − truth; ``ratio``: the difference is shown as a fraction of the truth,
        too; ``angle``: the difference is taken along the shorter way round the circle, in deg or rad.
    under_z_reflection, under_y_reflection
        Its change when the event is reflected at the plane z = 0, or at y = 0 (φ = 180°): both map the
        nominal detector to itself. Unchanged unless stated; trainings with ``training.mirror`` and averages
        over reflected events rely on it.
    plausible
        The smallest and the largest value that a file may hold in this unit; others are most likely in
        another unit.
    """

    name: str
    unit: str = "1"
    symbol: str = ""
    label: str = ""
    residual: ResidualKind = "difference"
    under_z_reflection: Reflection = UNCHANGED
    under_y_reflection: Reflection = UNCHANGED
    plausible: tuple[float, float] = (-np.inf, np.inf)

    def __post_init__(self) -> None:
        require_plain_name("output", self.name)
        kinds = get_args(ResidualKind)
        if self.residual not in kinds:
            hint = did_you_mean(self.residual, kinds)
            raise DataError(
                f"output '{self.name}': residual '{self.residual}'{hint}, expected one of {', '.join(kinds)}"
            )
        if self.residual == "angle" and self.unit not in ("deg", "rad"):
            raise DataError(
                f"output '{self.name}': residual 'angle' in '{self.unit}', expected the unit deg or rad"
            )
        for mirror in MIRRORS:
            self._require_involution(mirror)

    def reflection(self, mirror: MirrorName) -> Reflection:
        """Return its change under a reflection of the detector, one of `xec_geometry.MIRRORS`."""
        change = UNCHANGED
        for plane, reflection in (("z", self.under_z_reflection), ("y", self.under_y_reflection)):
            if plane in mirror:
                change = change.then(reflection)
        return change

    def _require_involution(self, mirror: MirrorName) -> None:
        once = self.reflection(mirror)
        twice = once.then(once)
        rest = twice.offset if self.period is None else math.remainder(twice.offset, self.period)
        if abs(once.sign) != 1 or abs(rest) > _ROUNDING:
            raise DataError(
                f"output '{self.name}': reflected twice ({mirror}) a value is not what it was: "
                f"value ↦ {once.sign:g}·value + {once.offset:g}, expected the sign -1, or 1 and no offset"
            )

    @property
    def period(self) -> float | None:
        """Value of a full turn, in the unit of the output; None if it is no angle on a circle."""
        if self.residual != "angle":
            return None
        return 360.0 if self.unit == "deg" else 2 * np.pi

    def difference(self, prediction: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
        """Subtract the truth, in the unit of the output; any shape."""
        residual = np.asarray(prediction, np.float64) - np.asarray(truth, np.float64)
        if self.residual != "angle":
            return np.asarray(residual)
        if self.unit == "deg":
            return wrap_degrees(residual)
        return np.radians(wrap_degrees(np.degrees(residual)))


def require_plain_name(noun: str, name: str) -> None:
    """Raise a `DataError` at a name that cannot be part of keys, branches and file names."""
    # The name is part of configuration keys, of branches, and of names of files and of graph outputs.
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise DataError(
            f"{noun} '{name}': expected a name of letters, digits and underscores that begins with a letter"
        )
