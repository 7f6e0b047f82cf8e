"""Events of no photon, one or several: how many, when, and the one that is the event's truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xec_data.simulation.arrays import BoolArray, FloatArray, IntArray
from xec_data.simulation.configuration import SimulationConfig
from xec_data.simulation.source import Photons, emit_photons
from xec_data.simulation.streams import Stage, generator


@dataclass(frozen=True)
class EventPhotons:
    """Photons of n events, up to k each.

    Attributes
    ----------
    number
        (n,) photons of every event.
    photons
        k times n photons: the first ones of all events, the second ones, …; at least the first ones, even
        if no event has any.
    delay
        (k, n) s after the first photon of the event; 0 for itself.
    """

    number: IntArray
    photons: tuple[Photons, ...]
    delay: FloatArray

    @property
    def present(self) -> BoolArray:
        """(k, n): True for the photons that the events have."""
        return np.arange(len(self.photons))[:, np.newaxis] < self.number

    def brightest(self) -> tuple[Photons, FloatArray]:
        """Return the photon of largest energy of every event, and its delay, (n,).

        The earlier drawn one of equal energies; the first one of an event without photons.
        """
        energy = np.where(self.present, [photons.energy for photons in self.photons], -np.inf)
        which = energy.argmax(axis=0), np.arange(len(self.number))
        fields = (np.stack(values)[which] for values in zip(*self.photons, strict=True))
        return Photons(*fields), self.delay[which]


def draw_photons(config: SimulationConfig, block: int, n: int) -> EventPhotons:
    """Draw the photons of a block of events.

    Parameters
    ----------
    config
        Seed, numbers of photons, window of their times, energies and beam spot.
    block
        Number of the block.
    n
        Events in it.

    Returns
    -------
    EventPhotons
        The photons of an event have nothing to do with each other; the k-th one is the same whatever
        the largest number.
    """
    fewest, most = config.photons
    number = generator(config.seed, Stage.PILE_UP, block).integers(fewest, most, n, endpoint=True)
    ranks = range(max(most, 1))
    photons = tuple(emit_photons(config, generator(config.seed, Stage.SOURCE, block, k), n) for k in ranks)
    delay = np.zeros((len(ranks), n))
    for k in ranks[1:]:
        chance = generator(config.seed, Stage.PILE_UP, block, k).random(n)
        delay[k] = config.pile_up_window * (chance - 0.5)
    return EventPhotons(number, photons, delay)
