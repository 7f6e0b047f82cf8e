"""The table of anchors. The configuration reads it: torch is imported when one is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xec_geometry.support.registry import Registry
from xec_models.errors import ModelError

if TYPE_CHECKING:
    from xec_geometry import SensorTable
    from xec_models.anchor.conventional import ConventionalReconstruction

NO_ANCHOR = "none"


@dataclass(frozen=True)
class AnchorChoice:
    """A conventional reconstruction that a network can start from.

    Attributes
    ----------
    name
        Value of ``model.anchor``.
    build
        Builds it for sensors that stand as in a table (None: nominal), not yet calibrated; returns None if
        the network learns the values themselves.
    summary
        One line for people.
    """

    name: str
    build: Callable[[SensorTable | None], ConventionalReconstruction | None]
    summary: str


def _none(_geometry: SensorTable | None = None) -> None:
    return None


def _light(geometry: SensorTable | None = None) -> ConventionalReconstruction:
    from xec_models.anchor.conventional import ConventionalReconstruction
    from xec_models.anchor.light_pattern import WindowedPattern
    from xec_models.anchor.start_time import MeanTime

    return ConventionalReconstruction(
        WindowedPattern(), MeanTime(geometry), depth_degree=3, energy_degree=2, geometry=geometry
    )


def _sums(geometry: SensorTable | None = None) -> ConventionalReconstruction:
    from xec_models.anchor.conventional import ConventionalReconstruction
    from xec_models.anchor.light_pattern import SummedPattern
    from xec_models.anchor.start_time import FirstTime

    return ConventionalReconstruction(
        SummedPattern(), FirstTime(geometry), depth_degree=2, energy_degree=0, geometry=geometry
    )


ANCHORS: Registry[AnchorChoice] = Registry(
    "anchor",
    (
        AnchorChoice(NO_ANCHOR, _none, "the network learns the values themselves"),
        AnchorChoice(
            "light", _light, "centre and width of the light, photons scaled to the walls, mean time"
        ),
        AnchorChoice("sums", _sums, "plain sums over the inner face and over all sensors, first times"),
    ),
    group="xec.anchors",
    error=ModelError,
)
"""Every anchor by its name. Installed packages add theirs in the entry-point group ``xec.anchors``."""
