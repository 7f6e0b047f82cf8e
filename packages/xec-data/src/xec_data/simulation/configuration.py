"""Configuration of the simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from xec_data.errors import DataError
from xec_data.simulation.constants import CONSTANTS
from xec_data.tasks.table import TASKS
from xec_geometry.detector.survey import SensorTable, nominal_table

SIGNAL_ENERGY = 0.0528
MAX_ENERGY = 1.0
MAX_VERTEX_SPREAD = 3.0
MAX_PILE_UP_WINDOW = 1e-6


Number = TypeVar("Number", int, float)


class SimulationError(DataError):
    """An invalid setting of the simulation."""


@dataclass(frozen=True)
class SimulationConfig:
    """Settings of the fast simulation; the same settings and seed give the same events.

    Attributes
    ----------
    seed
        Any integer ≥ 0.
    energy
        Lowest and highest energy of the photons in GeV, uniform in between.
    shower
        False: all energy is deposited at the first interaction point.
    dead_fraction
        Fraction of sensors, in [0, 1), that are dead in all events: the same sensors for a seed.
    run
        Written to the branch `run`.
    vertex_spread
        Standard deviation of the beam spot on the target, in cm; 0: all photons come from the origin.
    deposits
        Points at which a shower leaves its energy.
    npho_threshold
        Sensors with fewer photons have no valid time.
    photons
        Fewest and most photons of an event, each number in between as often. Events without any have
        noise only, and no truth but `n_gamma`.
    pile_up_window
        Further photons of an event begin, uniformly, within this window in s around the first one.
    noise_free
        Whether sensors read the light itself: the mean number of photons and their mean time of arrival,
        without the chance of photoelectrons, gains and electronics.
    geometry
        Where the sensors stand, see `xec_geometry.load_geometry`.

    Raises
    ------
    SimulationError
        If a value is out of its range.
    """

    seed: int = 0
    energy: tuple[float, float] = (SIGNAL_ENERGY, SIGNAL_ENERGY)
    shower: bool = True
    dead_fraction: float = 0.0
    run: int = 0
    vertex_spread: float = CONSTANTS.beam_spot
    deposits: int = 20
    npho_threshold: float = 100.0
    photons: tuple[int, int] = (1, 1)
    pile_up_window: float = CONSTANTS.pile_up_window
    noise_free: bool = False
    geometry: SensorTable = field(default_factory=nominal_table, repr=False)

    def __post_init__(self) -> None:
        low, high = self.energy
        fewest, most = self.photons
        most_allowed, window = max_photons(), self.pile_up_window * 1e9
        for fine, complaint in (
            (self.seed >= 0, f"the seed is {self.seed}; expected an integer ≥ 0"),
            (
                0 < low <= high <= MAX_ENERGY,
                f"the energy range is {low:g}:{high:g} GeV; expected 0 < low ≤ high ≤ {MAX_ENERGY:g} GeV",
            ),
            (
                0 <= self.dead_fraction < 1,
                f"the fraction of dead sensors is {self.dead_fraction:g}; expected 0 ≤ fraction < 1",
            ),
            (0 <= self.run < 2**31, f"the run number is {self.run}; expected 0 ≤ run < 2³¹"),
            (
                0 <= self.vertex_spread <= MAX_VERTEX_SPREAD,
                f"the vertex spread is {self.vertex_spread:g} cm; expected 0 to {MAX_VERTEX_SPREAD:g} cm",
            ),
            (self.deposits >= 1, f"the number of deposits is {self.deposits}; expected at least 1"),
            (
                math.isfinite(self.npho_threshold) and self.npho_threshold >= 0,
                f"the threshold is {self.npho_threshold:g} photons; expected a number ≥ 0",
            ),
            (
                0 <= fewest <= most <= most_allowed,
                f"the numbers of photons are {fewest}:{most}; expected 0 ≤ low ≤ high ≤ {most_allowed}",
            ),
            (
                0 <= self.pile_up_window <= MAX_PILE_UP_WINDOW,
                f"the pile-up window is {window:g} ns; expected 0 to {MAX_PILE_UP_WINDOW * 1e9:g} ns",
            ),
        ):
            if not fine:
                raise SimulationError(complaint)


def parse_energy(text: str) -> tuple[float, float]:
    """Read an energy or a range of energies.

    Parameters
    ----------
    text
        ``0.0528`` or ``0.015:0.060``, in GeV.

    Returns
    -------
    low, high
        In GeV; equal for a single energy.

    Raises
    ------
    SimulationError
        If it is neither.
    """
    return _parse_range(
        text, float, f"the energy {text!r}; expected one in GeV ({SIGNAL_ENERGY:g}) or a range (0.015:0.060)"
    )


def parse_photons(text: str) -> tuple[int, int]:
    """Read a number of photons or a range of numbers.

    Parameters
    ----------
    text
        ``1`` or ``0:4``.

    Returns
    -------
    low, high
        Equal for a single number.

    Raises
    ------
    SimulationError
        If it is neither.
    """
    return _parse_range(
        text, int, f"the numbers of photons {text!r}; expected one (1) or a range (0:{max_photons()})"
    )


def _parse_range(text: str, number: Callable[[str], Number], what: str) -> tuple[Number, Number]:
    """Read LOW:HIGH, or one number twice; `what` is in the text, and what was expected."""
    try:
        low, high = (number(part) for part in (text if ":" in text else f"{text}:{text}").split(":"))
    except ValueError:
        raise SimulationError(f"cannot read {what}") from None
    return low, high


def max_photons() -> int:
    """Return the largest number of photons that the task `n_gamma` knows."""
    return TASKS["n_gamma"].n_classes - 1
