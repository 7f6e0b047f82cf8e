"""How the quantities of the reconstruction are written: symbols, and units that suit their size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit, and the factor that turns a number of xec (cm, s, GeV, degrees) into it."""

    name: str
    factor: float


@dataclass(frozen=True)
class Quantity:
    """A quantity as plots and tables write it.

    Attributes
    ----------
    symbol
        For the labels of plots (matplotlib's math text).
    plain
        For the terminal.
    unit
        The unit of its values.
    residual_units
        Units for differences, from the smallest to the largest; `residual_unit` takes the largest
        that keeps the number above one.
    """

    symbol: str
    plain: str
    unit: Unit
    residual_units: tuple[Unit, ...]

    @property
    def label(self) -> str:
        """Symbol and unit, for the axis of a plot."""
        return with_unit(self.symbol, self.unit)

    def residual_unit(self, width: float) -> Unit:
        """Return the unit in which a residual of this width (in xec's units) reads well."""
        chosen = self.residual_units[0]
        for unit in self.residual_units:
            if abs(width) * unit.factor >= 1.0:
                chosen = unit
        return chosen


def with_unit(symbol: str, unit: Unit) -> str:
    """Append a unit in brackets, if there is one."""
    return f"{symbol} [{unit.name}]" if unit.name else symbol


_NONE = Unit("", 1.0)
_DEGREES = Unit("deg", 1.0)
_CM = Unit("cm", 1.0)
_LENGTHS = (Unit("mm", 10.0), _CM)
_MEV = Unit("MeV", 1e3)
_TIMES = (Unit("ps", 1e12), Unit("ns", 1e9))
PERCENT = Unit("%", 100.0)

QUANTITIES: dict[str, Quantity] = {
    "theta": Quantity(r"$\theta$", "θ", _DEGREES, (_DEGREES,)),
    "phi": Quantity(r"$\varphi$", "φ", _DEGREES, (_DEGREES,)),
    "energy": Quantity(r"$E_\gamma$", "energy", _MEV, (_MEV,)),
    "timing": Quantity(r"$t_\gamma$", "time", Unit("ns", 1e9), _TIMES),
    "u": Quantity("$u$", "u", _CM, _LENGTHS),
    "v": Quantity("$v$", "v", _CM, _LENGTHS),
    "w": Quantity("$w$", "w", _CM, _LENGTHS),
    "vx": Quantity("$e_x$", "e_x", _NONE, (_NONE,)),
    "vy": Quantity("$e_y$", "e_y", _NONE, (_NONE,)),
    "vz": Quantity("$e_z$", "e_z", _NONE, (_NONE,)),
    "n_gamma": Quantity(r"$n_\gamma$", "n_gamma", _NONE, (_NONE,)),
    "opening": Quantity("opening angle", "opening", _DEGREES, (_DEGREES,)),
    "distance": Quantity("distance", "distance", _CM, _LENGTHS),
}


def quantity(name: str) -> Quantity:
    """Return how a quantity is written; one without an entry is written as it is, without a unit."""
    return QUANTITIES.get(name, Quantity(name, name, _NONE, (_NONE,)))
