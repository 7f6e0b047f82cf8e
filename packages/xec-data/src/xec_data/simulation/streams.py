"""Random streams that depend only on the seed and the place of an event in the file."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from xec_data.simulation.arrays import BoolArray, FloatArray
from xec_data.simulation.constants import CONSTANTS
from xec_geometry import N_SENSORS

# Events are made in blocks of this many, each with random streams of its own, so that chunk size
# and number of processes cannot change them. Another value makes other events.
BLOCK_SIZE = 64


class Stage(IntEnum):
    """The parts of the simulation that draw from a stream of their own.

    Separate streams keep a photon's kinematics the same whatever is simulated after it.
    """

    SOURCE = 0
    SHOWER = 1
    READOUT = 2
    CALIBRATION = 3
    DEAD = 4
    PILE_UP = 5


def generator(seed: int, stage: Stage, block: int = 0, photon: int = 0) -> np.random.Generator:
    """Open the random stream of one stage of one block of events, for the first or another photon of each.

    So the photons of an event are the same whatever number of them may follow.
    """
    key = (stage, block, photon) if photon else (stage, block)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))


def sensor_gains(seed: int) -> FloatArray:
    """Draw the gains left over by an imperfect calibration.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS,) float64 around 1, the same for all events of a seed.
    """
    return 1.0 + CONSTANTS.gain_spread * generator(seed, Stage.CALIBRATION).standard_normal(N_SENSORS)


def dead_sensors(seed: int, fraction: float) -> BoolArray:
    """Draw the sensors that are dead in all events of a seed.

    Returns
    -------
    numpy.ndarray
        (N_SENSORS,) bool with ``round(fraction · N_SENSORS)`` of them True. A larger fraction adds to
        the sensors of a smaller one.
    """
    dead = np.zeros(N_SENSORS, dtype=np.bool_)
    order = generator(seed, Stage.DEAD).permutation(N_SENSORS)
    dead[order[: round(fraction * N_SENSORS)]] = True
    return dead
