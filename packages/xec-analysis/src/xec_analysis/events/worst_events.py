"""The validation events with the largest losses: their numbers, readings and attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.events.estimate import Estimate, estimate_of
from xec_analysis.events.event import Event, read_event
from xec_analysis.events.event_losses import EventLosses
from xec_analysis.resolution.digits import three_digits
from xec_analysis.resolution.results import Floats, Results, TaskResult
from xec_analysis.style.quantities import quantity_of
from xec_data.reading.reader import EventReader
from xec_data.schema.branches import NPHO_BRANCH, TIME_BRANCH, TREE_NAME

if TYPE_CHECKING:
    from xec_models.regressor.regressor import XECRegressor

N_WORST = 3

# Coordinates of a point in the detector, which a display can show.
_POSITION = ("u", "v", "w")


@dataclass(frozen=True)
class EventFiles:
    """Files with the sensor readings of events.

    Attributes
    ----------
    paths
        Files, folders or patterns.
    tree_name, npho_branch, time_branch
        Names in the files.
    """

    paths: Sequence[str | Path]
    tree_name: str = TREE_NAME
    npho_branch: str = NPHO_BRANCH
    time_branch: str = TIME_BRANCH

    @classmethod
    def of_validation(cls, data: Mapping[str, Any]) -> EventFiles | None:
        """Take the validation files from the section `data` of a configuration, if it names some.

        Raises
        ------
        AnalysisError
            If paths or names are no text.
        """
        paths = data.get("val_path")
        if not paths:
            return None
        paths = [paths] if isinstance(paths, str) else paths
        names = {key: data[key] for key in ("tree_name", "npho_branch", "time_branch") if key in data}
        stated = {"val_path": paths, **names}
        for key, value in stated.items():
            values = value if key == "val_path" and isinstance(value, list) else [value]
            if not all(isinstance(one, str) for one in values):
                raise AnalysisError(f"data.{key} of the configuration is {value!r}; expected text")
        return cls(list(paths), **names)


@dataclass(frozen=True)
class WorstEvent:
    """One of the worst events of a validation.

    Attributes
    ----------
    number
        1 for the worst.
    row
        Its entry in the file of predictions.
    event
        Its readings and truth.
    predicted
        What was predicted for it.
    lines
        Its loss in each task and its residuals, in words.
    attention
        (layers, tokens, tokens) of the fusion layers; None if unknown.
    """

    number: int
    row: int
    event: Event
    predicted: Estimate
    lines: tuple[str, ...]
    attention: Floats | None = None


@dataclass(frozen=True)
class WorstEvents:
    """The worst events of a validation.

    Attributes
    ----------
    events
        From the worst on; fewer if some are not found.
    losses
        By which they are chosen.
    tokens
        Names of the tokens in their attention.
    notes
        What is missing, a line each.
    """

    events: tuple[WorstEvent, ...]
    losses: EventLosses
    tokens: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_worst_events(
    results: Results,
    losses: EventLosses,
    columns: Mapping[str, NDArray[Any]],
    files: EventFiles,
    network: XECRegressor | None = None,
    n_worst: int = N_WORST,
) -> WorstEvents:
    """Find the events with the largest losses in their files.

    Parameters
    ----------
    results
        Predictions and truth of the events.
    losses
        Of all entries.
    columns
        Columns of the same entries, among them `run` and `event`.
    files
        Files with their sensor readings.
    network
        The network, for the attention of its fusion layers.
    n_worst
        How many events are looked for.

    Raises
    ------
    AnalysisError
        If a column is missing.
    DataError
        If the files cannot be read.
    """
    for name in ("run", "event"):
        if name not in columns:
            raise AnalysisError(f"the predictions have no branch '{name}', by which events are found")
    rows = [int(row) for row in losses.worst_first[:n_worst]]
    keys = [(int(columns["run"][row]), int(columns["event"][row])) for row in rows]
    places = _locate(set(keys), files)
    found = []
    for number, (row, key) in enumerate(zip(rows, keys, strict=True), start=1):
        if key not in places:
            continue
        event = read_event(
            *places[key],
            tree_name=files.tree_name,
            npho_branch=files.npho_branch,
            time_branch=files.time_branch,
        )
        attention = None if network is None else _attention(network, event)
        lines = tuple(_lines(results, losses, row))
        found.append(WorstEvent(number, row, event, predicted_values(results, key), lines, attention))
    missing = len(rows) - len(found)
    note = (
        f"{missing} of the {len(rows)} worst events: no run and event number of their own in the "
        "validation files, not drawn"
    )
    return WorstEvents(tuple(found), losses, _tokens(network), (note,) if missing else ())


def _tokens(network: XECRegressor | None) -> tuple[str, ...]:
    from xec_analysis.saliency.attention import token_names

    return () if network is None else token_names(network)


def _attention(network: XECRegressor, event: Event) -> Floats | None:
    """Return the attention of the fusion layers for one event; None for a network without such layers."""
    import torch

    from xec_analysis.saliency.attention import measure_attention
    from xec_analysis.saliency.gradients import Sample

    dtype = network.encoder.normalizer.npho_scale.dtype
    npho, time = (torch.from_numpy(x)[None].to(network.device, dtype) for x in (event.npho, event.time))
    layers = measure_attention(network, Sample(npho, time))[:, 0].double().cpu().numpy()
    return np.asarray(layers) if len(layers) else None


def _lines(results: Results, losses: EventLosses, row: int) -> Iterator[str]:
    """Yield the loss in each task, beside its mean, and what is off."""
    for task in dict.fromkeys([*losses.parts, *results.tasks]):
        part = losses.parts.get(task)
        loss = ""
        if part is not None:
            name = losses.functions.get(task)
            loss = f" ({name})" if name else ""
            loss += f" {three_digits(float(part[row]))}, mean {three_digits(float(np.nanmean(part)))}"
        result = results.tasks.get(task)
        at = [] if result is None else np.flatnonzero(result.entries == row).tolist()
        off = f"\n      {residuals_text(result, at[0])}" if result is not None and at else ""
        yield f"{task}{loss}{off}"


def predicted_values(results: Results, key: tuple[int, int]) -> Estimate:
    """Return what was predicted for the event of a run and event number, as far as a display can show it."""
    found: dict[str, float] = {}
    for result in results.tasks.values():
        rows = np.flatnonzero((result.run == key[0]) & (result.event == key[1]))
        if len(rows) == 1 and not result.spec.n_classes:
            found |= {f"pred_{name}": result.predicted(name)[rows[0]] for name in result.outputs}
    return estimate_of(
        "predicted",
        found,
        energy="pred_energy",
        time="pred_timing",
        uvw=tuple(f"pred_{x}" for x in _POSITION),
    )


def residuals_text(result: TaskResult, i: int) -> str:
    """Say how far the prediction of the i-th event of a task is off."""
    parts = []
    for output in result.outputs:
        written = quantity_of(result.output(output))
        if result.spec.n_classes:
            predicted, true = result.predicted(output)[i], result.true(output)[i]
            parts.append(f"{written.plain} {predicted:.0f} instead of {true:.0f}")
            continue
        residual = result.residual(output)
        unit = written.residual_unit(residual[i])
        number = three_digits(residual[i] * unit.factor, signed=True)
        parts.append(f"{written.plain} off by {number} {unit.name}".rstrip())
    return ", ".join(parts)


def _locate(wanted: set[tuple[int, int]], files: EventFiles) -> dict[tuple[int, int], tuple[Path, int]]:
    """Find file and entry of events by run and event number; leave ambiguous ones out."""
    found: dict[tuple[int, int], list[tuple[Path, int]]] = {key: [] for key in wanted}
    reader = EventReader(list(files.paths), ("run", "event"), tree_name=files.tree_name)
    for chunk in reader:
        numbers = zip(chunk["run"].tolist(), chunk["event"].tolist(), strict=True)
        for offset, key in enumerate(numbers):
            if key in found:
                found[key].append((chunk.shard.path, chunk.shard.start + offset))
    return {key: places[0] for key, places in found.items() if len(places) == 1}
