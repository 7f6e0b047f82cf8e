"""Blocks of simulated events, from the target to the branches of a file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from xec_data.schema.branches import INVALID
from xec_data.simulation.arrays import FloatArray
from xec_data.simulation.configuration import SimulationConfig, SimulationError
from xec_data.simulation.fast_light import FastLight
from xec_data.simulation.pile_up import EventPhotons, draw_photons
from xec_data.simulation.readout import Readout
from xec_data.simulation.shower import Deposits, point_deposits, shower_deposits
from xec_data.simulation.streams import BLOCK_SIZE, Stage, generator
from xec_geometry import N_SENSORS, direction_to_angles, xyz_to_uvw

Events = dict[str, npt.NDArray[np.generic]]


class EventGenerator:
    """Generator of the blocks of events of a configuration.

    Parameters
    ----------
    config
        Settings and seed.
    """

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        self._light = FastLight(config.deposits, config.geometry)
        self._readout = Readout(config)

    def block(self, number: int) -> Events:
        """Make one block of `BLOCK_SIZE` events.

        Parameters
        ----------
        number
            Counted from 0; its events have the numbers ``number · BLOCK_SIZE`` and following.

        Returns
        -------
        dict
            Branch name (as stored in files) to array, an entry an event.
        """
        drawn = draw_photons(self.config, number, BLOCK_SIZE)
        rng = generator(self.config.seed, Stage.READOUT, number)
        npho = np.empty((BLOCK_SIZE, N_SENSORS), dtype=np.float32)
        time = np.empty_like(npho)
        start = np.empty(BLOCK_SIZE)
        pulses = [self._light.shine(deposits) for deposits in self._deposit(drawn, number)]
        for i, lights in enumerate(zip(*pulses, strict=True)):
            n = max(drawn.number[i], 1)
            photons, arrival = (np.stack(values) for values in zip(*lights[:n], strict=True))
            arrival += drawn.delay[:n, i, np.newaxis]
            npho[i], time[i], start[i] = self._readout.read(photons, arrival, rng)
        events: Events = {"npho": npho, "relative_time": time}
        events |= _truth(drawn, start)
        events["n_gamma"] = drawn.number.astype(np.int32)
        events["run"] = np.full(BLOCK_SIZE, self.config.run, dtype=np.int64)
        events["event"] = np.arange(number * BLOCK_SIZE, (number + 1) * BLOCK_SIZE, dtype=np.int64)
        if self.config.dead_fraction > 0:
            events["dead"] = np.broadcast_to(self._readout.dead, npho.shape)
        return events

    def contained(self, number: int) -> FloatArray:
        """Return which part of the energy of the first photons stays in the xenon.

        Parameters
        ----------
        number
            Of the block.

        Returns
        -------
        array
            (BLOCK_SIZE,) from 0 to 1; what is missing leaked out, and no reading tells of it.
        """
        first = next(self._deposit(draw_photons(self.config, number, BLOCK_SIZE), number))
        return np.asarray((first.energy * first.contained).sum(axis=1) / first.energy.sum(axis=1))

    def _deposit(self, drawn: EventPhotons, number: int) -> Iterator[Deposits]:
        """Yield the deposits of the first photons of all events, of the second, …; dark without one."""
        for k, (photons, present) in enumerate(zip(drawn.photons, drawn.present, strict=True)):
            if self.config.shower:
                rng = generator(self.config.seed, Stage.SHOWER, number, k)
                deposits = shower_deposits(photons, rng, self.config.deposits)
            else:
                deposits = point_deposits(photons)
            yield deposits._replace(contained=deposits.contained & present[:, np.newaxis])


def simulate_events(config: SimulationConfig, n_events: int, *, chunk_size: int = 1000) -> Iterator[Events]:
    """Simulate events in this process.

    Parameters
    ----------
    config
        Settings and seed.
    n_events
        How many.
    chunk_size
        Events per dictionary (the last one may have fewer).

    Yields
    ------
    dict
        Branch name (as stored in files) to array: `npho` and `relative_time` (n, N_SENSORS), `emiAng`
        (n, 2) in radians, … The first events of a seed are the same whatever the numbers asked for.

    Raises
    ------
    SimulationError
        If a number is not positive.
    """
    check_counts(n_events, chunk_size)
    events = EventGenerator(config)
    yield from regroup((events.block(i) for i in range(n_blocks(n_events))), n_events, chunk_size)


def n_blocks(n_events: int) -> int:
    """Return the number of blocks that hold so many events."""
    return -(-n_events // BLOCK_SIZE)


def check_counts(n_events: int, chunk_size: int) -> None:
    """Refuse invalid numbers of events."""
    if n_events < 1:
        raise SimulationError(f"the number of events is {n_events}; expected at least 1")
    if chunk_size < 1:
        raise SimulationError(f"the chunk size is {chunk_size} events; expected at least 1")


def regroup(blocks: Iterator[Events], n_events: int, chunk_size: int) -> Iterator[Events]:
    """Cut the first `n_events` of a sequence of blocks into chunks of `chunk_size`."""
    waiting: list[Events] = []
    held = 0
    for block in blocks:
        waiting.append(block)
        held += BLOCK_SIZE
        while held >= chunk_size and n_events:
            merged = _merge(waiting)
            size = min(chunk_size, n_events)
            yield {name: array[:size] for name, array in merged.items()}
            n_events -= size
            waiting = [{name: array[chunk_size:] for name, array in merged.items()}]
            held -= chunk_size
    if n_events:
        yield {name: array[:n_events] for name, array in _merge(waiting).items()}


def _merge(blocks: list[Events]) -> Events:
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _truth(drawn: EventPhotons, start: FloatArray) -> Events:
    """Describe the brightest photons; `start` is the time of the first ones on the clock of the events."""
    photons, delay = drawn.brightest()
    truth = {
        # Not even the sign of a zero changes where nothing is added.
        "timeTruth": np.where(delay == 0, start, start + delay),
        "emiAng": np.column_stack(direction_to_angles(photons.direction, degrees=False)),
        "energyTruth": photons.energy,
        "uvwTruth": xyz_to_uvw(photons.conversion),
        "xyzTruth": photons.conversion,
        "emiVec": photons.direction,
        "xyzVTX": photons.vertex,
    }
    events: Events = {}
    for name, values in truth.items():
        stored = values.astype(np.float32)
        stored[drawn.number == 0] = INVALID
        events[name] = stored
    return events
