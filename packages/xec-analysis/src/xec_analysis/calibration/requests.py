"""Which lines are measured in which files, as the command line says it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_data.simulation.configuration import MAX_ENERGY

_UNITS = {"": 1.0, "GeV": 1.0, "MeV": 1e-3, "keV": 1e-6}
_ENERGY = re.compile(r"\s*(?P<number>[-+.\deE]*\d\.?)\s*(?P<unit>[a-zA-Z]*)\s*")


@dataclass(frozen=True)
class LineRequest:
    """Photons of one energy, and where they are.

    Attributes
    ----------
    energy
        Energy of the photons in GeV.
    files
        Files of predictions or runs; at least one.
    """

    energy: float
    files: tuple[Path, ...]


def parse_line_energy(text: str) -> float:
    """Read the energy of a line: ``0.0549`` in GeV, or with a unit, ``54.9MeV``.

    Returns
    -------
    float
        In GeV.

    Raises
    ------
    AnalysisError
        If it is no energy, or none that a photon in the detector has.
    """
    found = _ENERGY.fullmatch(text)
    units = {unit.lower(): factor for unit, factor in _UNITS.items()}
    try:
        energy = float(found["number"]) * units[found["unit"].lower()] if found else math.nan
    except (ValueError, KeyError):
        energy = math.nan
    if math.isnan(energy):
        raise AnalysisError(
            f"cannot read the line {text!r}; expected its energy as in 0.0549 (GeV) or 54.9MeV"
        )
    if not 0 < energy <= MAX_ENERGY:
        raise AnalysisError(
            f"the line {text!r} is one of {energy:g} GeV; expected more than 0, at most {MAX_ENERGY:g} GeV, "
            "as in 0.0549 or 54.9MeV"
        )
    return energy


def pair_lines(energies: Sequence[float], files: Sequence[Path]) -> list[LineRequest]:
    """Say which lines are in which files.

    Parameters
    ----------
    energies
        Energies of the lines in GeV.
    files
        One file with all the lines; several files with one line; or a file for each line, in the same order.

    Raises
    ------
    AnalysisError
        If it is neither, or an energy is there twice for the same files.
    """
    if len(energies) == 1:
        return [LineRequest(energies[0], tuple(files))]
    if len(files) not in (1, len(energies)):
        raise AnalysisError(
            f"{len(energies)} lines and {len(files)} files; expected one file with all the lines, or a file "
            "for each --line, in the same order"
        )
    if len(set(energies)) < len(energies):
        raise AnalysisError("--line: an energy is there twice; expected each line once")
    each = list(files) * len(energies) if len(files) == 1 else files
    return [LineRequest(energy, (path,)) for energy, path in zip(energies, each, strict=True)]
