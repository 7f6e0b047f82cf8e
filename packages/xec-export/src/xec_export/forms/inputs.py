"""The table of the inputs that an exported network can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xec_export.errors import ExportError
from xec_geometry import face_ids
from xec_geometry.support.registry import Registry

Floats = NDArray[np.float32]

_DEAD_FRACTION = 0.05
_MASKED_FRACTION = 0.6


@dataclass(frozen=True)
class GraphInput:
    """An input of an exported network: (batch, sensors) float32.

    Attributes
    ----------
    name
        Its name in the graph.
    unit
        Its unit.
    meaning
        One line for people.
    draw
        Examples of an input that events do not have, in the shape of the readings; None for readings.
    extremes
        By name, further examples that a comparison must try.
    """

    name: str
    unit: str
    meaning: str
    draw: Callable[[Floats, np.random.Generator], Floats] | None = None
    extremes: Mapping[str, Callable[[Floats], Floats]] = field(default_factory=dict)


def _flags(fraction: float) -> Callable[[Floats, np.random.Generator], Floats]:
    def draw(npho: Floats, random: np.random.Generator) -> Floats:
        flags: Floats = (random.random(npho.shape) < fraction).astype(np.float32)
        return flags

    return draw


def _inner_face(npho: Floats) -> Floats:
    flags = np.zeros_like(npho)
    flags[:, face_ids("inner")] = 1
    return flags


GRAPH_INPUTS: Registry[GraphInput] = Registry(
    "input of a graph",
    (
        GraphInput("npho", "photons", "photons of every sensor; invalid ones as they come (1e10, NaN, ±inf)"),
        GraphInput("time", "s", "times of every sensor; invalid ones as they come"),
        GraphInput(
            "dead",
            "1",
            "1 where a sensor is to be recovered, 0 elsewhere; every other number counts as 1",
            draw=_flags(_DEAD_FRACTION),
            extremes={
                "none dead": np.zeros_like,
                "all dead": np.ones_like,
                "dead by number 0.5 and NaN": lambda npho: (
                    _inner_face(npho)
                    * np.where(np.arange(npho.shape[1]) % 2, np.float32(0.5), np.float32(np.nan))
                ),
            },
        ),
        GraphInput(
            "mask",
            "1",
            "1 where a sensor is hidden, 0 elsewhere; every other number counts as 1",
            draw=_flags(_MASKED_FRACTION),
            extremes={"none hidden": np.zeros_like, "all hidden": np.ones_like, "a face hidden": _inner_face},
        ),
    ),
    error=ExportError,
)
"""Every input by its name."""


@dataclass(frozen=True)
class Channel:
    """A reading of a sensor, where it comes out of a network again.

    Attributes
    ----------
    what, unit
        For people.
    scale
        The amount of it that matters: differences are compared with the spread of the readings, or this.
    """

    what: str
    unit: str
    scale: float


CHANNELS = {"npho": Channel("photons", "photons", 1.0), "time": Channel("times", "s", 1e-9)}
"""The readings by name."""

READINGS = ("npho", "time")
"""The inputs of a network that needs nothing but an event's readings."""
