"""Symbols of quantities, and units that suit their size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xec_analysis.errors import AnalysisError
from xec_data.tasks.measures import JointMeasure
from xec_data.tasks.output import Output
from xec_data.tasks.table import TASKS
from xec_geometry.support.registry import Registry


@dataclass(frozen=True)
class Unit:
    """A unit, and the factor that turns a number in a file's unit into it."""

    name: str
    factor: float


@dataclass(frozen=True)
class DisplayUnits:
    """The units in which the numbers of a file's unit are shown.

    Attributes
    ----------
    name
        The unit in files and in the table of tasks.
    value
        Unit of values.
    residuals
        Units of differences, from the smallest to the largest.
    """

    name: str
    value: Unit
    residuals: tuple[Unit, ...]


@dataclass(frozen=True)
class Quantity:
    """A quantity as plots and tables write it.

    Attributes
    ----------
    symbol
        Label in plots (matplotlib's math text).
    plain
        Label in the terminal.
    units
        Units of values and residuals.
    """

    symbol: str
    plain: str
    units: DisplayUnits

    @property
    def unit(self) -> Unit:
        """Unit of values."""
        return self.units.value

    @property
    def label(self) -> str:
        """Symbol and unit, for the axis of a plot."""
        return with_unit(self.symbol, self.unit)

    def residual_unit(self, width: float) -> Unit:
        """Return the largest unit in which a residual of this width, in the file's unit, is above one.

        A width that is tiny or huge in every unit gets a power of ten.
        """
        chosen = self.units.residuals[0]
        for unit in self.units.residuals:
            if abs(width) * unit.factor >= 1.0:
                chosen = unit
        scaled = abs(width) * chosen.factor
        if not np.isfinite(scaled) or scaled == 0 or _READABLE[0] <= scaled < _READABLE[1]:
            return chosen
        exponent = 3 * int(np.floor(np.log10(scaled) / 3))
        name = f"10{str(exponent).translate(_SUPERSCRIPT)} {chosen.name}".strip()
        return Unit(name, chosen.factor * 10.0**-exponent)


def with_unit(symbol: str, unit: Unit) -> str:
    """Append a unit in brackets, if there is one."""
    return f"{symbol} [{unit.name}]" if unit.name else symbol


PERCENT = Unit("%", 100.0)

_READABLE = (1e-3, 1e5)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_NONE, _CM, _MEV = Unit("", 1.0), Unit("cm", 1.0), Unit("MeV", 1e3)
_PS, _NS = Unit("ps", 1e12), Unit("ns", 1e9)

DISPLAY_UNITS = Registry(
    "unit",
    (
        DisplayUnits("1", _NONE, (_NONE,)),
        DisplayUnits("cm", _CM, (Unit("mm", 10.0), _CM)),
        DisplayUnits("GeV", _MEV, (_MEV,)),
        DisplayUnits("s", _NS, (_PS, _NS)),
    ),
    error=AnalysisError,
)
"""Display units by the unit in files. Any other unit is shown as it is."""


def display_units(unit: str) -> DisplayUnits:
    """Return the display units of a unit in files."""
    if unit in DISPLAY_UNITS:
        return DISPLAY_UNITS[unit]
    same = Unit(unit, 1.0)
    return DisplayUnits(unit, same, (same,))


def quantity_of(output: Output) -> Quantity:
    """Return symbol, label and units of an output of a task."""
    return Quantity(output.symbol or output.name, output.label or output.name, display_units(output.unit))


def joint_quantity(joint: JointMeasure) -> Quantity:
    """Return symbol, label and units of the measure of all outputs of a task together."""
    return Quantity(joint.symbol, joint.name, display_units(joint.unit))


def quantity(name: str) -> Quantity:
    """Return the quantity that is called `name` in the table of tasks; any other is a pure number."""
    for task in TASKS.values():
        for output in task.outputs:
            if output.name == name:
                return quantity_of(output)
    return Quantity(name, name, display_units("1"))
