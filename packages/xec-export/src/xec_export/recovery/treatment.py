"""What is done about dead sensors before a network predicts, in one way or several for a comparison."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xec_data.dead_channels.sources import open_dead_channels
from xec_data.schema.branches import TREE_NAME
from xec_export.errors import ExportError
from xec_export.output.origin import file_digest
from xec_export.recovery.known_dead import KnownDead
from xec_export.recovery.table import RECOVERIES, Bools, Floats, Recover, Recovery
from xec_geometry import load_geometry


@dataclass(frozen=True)
class Variant:
    """Readings of events with their dead sensors treated in one way.

    Attributes
    ----------
    names
        Ends of the names of its columns; an empty one: names without it.
    npho, time
        (n, N_SENSORS).
    """

    names: tuple[str, ...]
    npho: Floats
    time: Floats


@dataclass(frozen=True)
class _Way:
    recovery: Recovery
    model: Path | None
    column: str
    recover: Recover


class DeadChannelTreatment:
    """What is done about the sensors that are known as dead.

    Their own readings never enter a network. Other sensors without a valid reading in an event stay so, and
    the network sees them so.

    Parameters
    ----------
    recover
        Names of `RECOVERIES`, with the file of a network behind ``=`` where one is needed
        (``inpaint=inpainter.pth``); by default ``none``. With several, each has columns of its own.
    dead
        Sources of dead sensors, as `open_dead_channels` takes them; without any, the branch `dead` of the
        inputs tells.
    geometry
        Where the sensors stand: ``nominal``, or the file of a table.
    tree_name
        The tree in sources that are ROOT files.

    Raises
    ------
    ExportError, CheckpointError, DataError
        If a name is unknown, a file is missing or another one than needed, or a source cannot be read.
    """

    def __init__(
        self,
        recover: Sequence[str] = (),
        dead: Sequence[str | Path] = (),
        *,
        geometry: str = "nominal",
        tree_name: str = TREE_NAME,
    ) -> None:
        self._sources = tuple(map(str, dead))
        sources = [open_dead_channels(text, tree_name=tree_name) for text in self._sources]
        self._known = KnownDead(sources) if sources else None
        table = None if geometry == "nominal" else load_geometry(geometry)
        chosen = [_parse(text) for text in dict.fromkeys(recover or ("none",))]
        self._ways = [
            _Way(recovery, model, column, recovery.open(model, table))
            for (recovery, model), column in zip(chosen, _columns(chosen), strict=True)
        ]
        self._geometry = geometry

    @property
    def needs_branch(self) -> bool:
        """Whether the branch `dead` of the inputs tells which sensors are dead."""
        return self._known is None

    @property
    def names(self) -> tuple[str, ...]:
        """The ends of the names of columns; those of the first way stand without one, too."""
        return ("",) if len(self._ways) == 1 else ("", *(way.column for way in self._ways))

    @property
    def files(self) -> list[Path]:
        """The files of networks."""
        return [way.model for way in self._ways if way.model is not None]

    def dead(self, runs: NDArray[Any] | None, branch: Bools | None, n_events: int) -> Bools:
        """Return the dead sensors of events, (n, N_SENSORS).

        Parameters
        ----------
        runs
            (n,) numbers of their runs, None if they have none.
        branch
            (n, N_SENSORS) the branch `dead`, if the sources do not tell.
        n_events
            Number of events.
        """
        if self._known is not None:
            return self._known.of_events(runs, n_events)
        assert branch is not None
        return branch

    def variants(self, npho: Floats, time: Floats, dead: Bools, threshold: float) -> Iterator[Variant]:
        """Yield the readings that the network is to see, once for each way.

        Parameters
        ----------
        npho, time, dead
            (n, N_SENSORS) readings, invalid where sensors are dead, and the dead sensors.
        threshold
            Photons below which a time means nothing.
        """
        for number, way in enumerate(self._ways):
            own = (way.column,) if len(self._ways) > 1 else ()
            names = ("", *own) if number == 0 else own
            yield Variant(names, *way.recover(npho, time, dead, threshold))

    def origin(self) -> dict[str, Any]:
        """Return what a file of predictions notes about it: plain values, no addresses of databases."""
        return {
            "recover": [
                [way.recovery.name, "" if way.model is None else file_digest(way.model)] for way in self._ways
            ],
            "dead": [_source_digest(text) for text in self._sources],
            "geometry": self._geometry,
        }


def _parse(text: str) -> tuple[Recovery, Path | None]:
    name, _, model = text.partition("=")
    recovery = RECOVERIES.get_named(name, "--recover: ")
    if recovery.needs_model and not model:
        raise ExportError(f"--recover {name}: needs a network; expected {name}=FILE")
    if model and not recovery.needs_model:
        raise ExportError(f"--recover {text}: '{name}' needs no file; expected --recover {name}")
    return recovery, Path(model).expanduser() if model else None


def _columns(chosen: Sequence[tuple[Recovery, Path | None]]) -> list[str]:
    """Name the columns of each: two networks of the same kind by their files."""
    number = Counter(recovery.name for recovery, _ in chosen)
    names = []
    for recovery, model in chosen:
        stem = re.sub(r"\W", "_", model.stem) if model is not None and number[recovery.name] > 1 else ""
        names.append("_".join(filter(None, (recovery.column, stem))))
    if len(set(names)) < len(names):
        raise ExportError(
            f"--recover: two have columns of the same name ({', '.join(names)}); expected files of different "
            "names"
        )
    return names


def _source_digest(text: str) -> str:
    path = Path(text).expanduser()
    # An address may have a password in it.
    return file_digest(path) if path.is_file() else hashlib.sha256(text.encode()).hexdigest()
