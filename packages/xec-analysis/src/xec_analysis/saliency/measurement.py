"""The saliency of the readings of a sample of events: means over events, and one event in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xec_analysis.errors import AnalysisError
from xec_analysis.events.event import Event, read_event
from xec_analysis.events.worst_events import EventFiles
from xec_analysis.saliency.attention import measure_attention, token_names
from xec_analysis.saliency.gradients import (
    Sample,
    evaluate,
    gradients,
    held_estimates,
    mean_event,
    outputs_of,
    starting_points,
)
from xec_analysis.saliency.integrated import integrated_gradients
from xec_data.reading.reader import EventReader
from xec_data.tasks.output import Output
from xec_geometry import FACES, face_ids
from xec_models.regressor.regressor import XECRegressor

Floats = NDArray[np.float64]
Measure = Literal["gradient", "gradient_input", "integrated"]

_BATCH = 4  # of which each event takes seconds


@dataclass(frozen=True)
class Saliency:
    """What the outputs of a network follow; arrays are (outputs, N_SENSORS, 2), of photons and times.

    Attributes
    ----------
    outputs
        The outputs.
    n_events
        Number of events in the means.
    gradient
        Mean absolute derivative, per photon and per second.
    gradient_input
        Mean absolute value of the derivative times the distance from the mean event.
    integrated
        Mean absolute integrated gradient, from the mean event.
    event
        One event, the first one.
    event_gradient, event_integrated
        Its derivatives and integrated gradients, with sign.
    incompleteness
        (outputs,) by how much the sums of integrated gradients miss the changes of the outputs: RMS over
        events, as a share of the RMS of the changes.
    tokens
        Names of the tokens of the fusion.
    attention, event_attention
        (layers, tokens, tokens) of the fusion layers, mean over events and of the one event.
    n_unknown
        Events that the network has no answer to, left out.
    """

    outputs: tuple[Output, ...]
    n_events: int
    gradient: Floats
    gradient_input: Floats
    integrated: Floats
    event: Event
    event_gradient: Floats
    event_integrated: Floats
    incompleteness: Floats
    tokens: tuple[str, ...]
    attention: Floats
    event_attention: Floats
    n_unknown: int = 0

    def shares(self, measure: Measure) -> Floats:
        """Return the share of each face, its photons and its times, in every output.

        Returns
        -------
        numpy.ndarray
            (outputs, faces, 2) of the sums over sensors; all of an output add up to 1. Of the derivatives,
            which have two units, photons and times add up to 1 each.
        """
        values: Floats = getattr(self, measure)
        by_face = np.stack([values[:, face_ids(face)].sum(axis=1) for face in FACES], axis=1)
        axes = (1,) if measure == "gradient" else (1, 2)
        total = by_face.sum(axis=axes, keepdims=True)
        shares: Floats = np.divide(by_face, total, out=np.zeros_like(by_face), where=total > 0)
        return shares


def measure_saliency(
    network: XECRegressor,
    files: EventFiles,
    n_events: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Saliency:
    """Measure the saliency over the first events of some files.

    Parameters
    ----------
    network
        The network, in evaluation mode.
    files
        Files with sensor readings.
    n_events
        Number of events, or all if there are fewer.
    progress
        Takes the number of events done and that of all.

    Raises
    ------
    AnalysisError
        If the network has classes alone, or no answer to any event.
    DataError
        If a file cannot be read.
    """
    outputs = outputs_of(network)
    if not outputs:
        raise AnalysisError(
            f"saliency: the outputs of {', '.join(network.tasks)} are classes, which have no derivatives"
        )
    # In single precision the small changes along a path are lost in the rounding of the outputs.
    network = deepcopy(network).double()
    sample, events = _read_sample(network, files, n_events)
    mean = mean_event(sample)
    sums = [torch.zeros(len(outputs), sample.npho.shape[1], 2, dtype=torch.float64) for _ in range(3)]
    missed, changed, attended = [], [], []
    n_known, first = 0, None
    for start in range(0, len(sample.npho), _BATCH):
        batch = sample.rows(slice(start, start + _BATCH))
        parts = _of_batch(network, batch, mean)
        known = parts.known
        n_known += int(known.sum())
        measures = (parts.gradient, parts.gradient * parts.length, parts.integrated)
        for total, values in zip(sums, measures, strict=True):
            total += values[:, known].abs().sum(dim=1).double().cpu()
        attended.append(measure_attention(network, batch)[:, known])
        missed.append((parts.integrated.sum(dim=(2, 3)).T - parts.change)[known])
        changed.append(parts.change[known])
        progress(min(start + _BATCH, len(sample.npho)), len(sample.npho))
        if first is None and known.any():
            row = int(known.nonzero()[0])
            first = (
                start + row,
                _array(parts.gradient[:, row]),
                _array(parts.integrated[:, row]),
                n_known - int(known.sum()),
            )
    if first is None:
        raise AnalysisError(f"saliency: the network has no answer to any of {len(sample.npho)} events")
    attention = torch.cat(attended, dim=1)
    change = torch.cat(changed).double().square().mean(dim=0).sqrt()
    miss = torch.cat(missed).double().square().mean(dim=0).sqrt()
    path, entry = events[first[0]]
    one = read_event(
        path,
        entry,
        tree_name=files.tree_name,
        npho_branch=files.npho_branch,
        time_branch=files.time_branch,
    )
    gradient, gradient_input, integrated = (_array(total / n_known) for total in sums)
    return Saliency(
        outputs=outputs,
        n_events=n_known,
        gradient=gradient,
        gradient_input=gradient_input,
        integrated=integrated,
        event=one,
        event_gradient=first[1],
        event_integrated=first[2],
        incompleteness=_array(miss / change.clamp_min(torch.finfo(change.dtype).tiny)),
        tokens=token_names(network),
        attention=_array(attention.mean(dim=1)),
        event_attention=_array(attention[:, first[3]]),
        n_unknown=len(sample.npho) - n_known,
    )


@dataclass(frozen=True)
class _Parts:
    """Of B events: derivatives (outputs, B, sensors, 2) and the like; change and known are (B, …)."""

    gradient: Tensor
    integrated: Tensor
    length: Tensor
    change: Tensor
    known: Tensor


def _of_batch(network: XECRegressor, batch: Sample, mean: Sample) -> _Parts:
    held = held_estimates(network, batch)
    start = starting_points(network, batch, mean)
    with torch.no_grad():
        here = evaluate(network, batch, held)
        change = here - evaluate(network, start, held)
    moved = [(b - a).nan_to_num(0.0, 0.0, 0.0) for a, b in zip(start, batch, strict=True)]
    known = here.isfinite().all(dim=1)
    gradient = gradients(network, batch, held)
    integrated = integrated_gradients(network, batch, start, held)
    return _Parts(gradient, integrated, torch.stack(moved, dim=-1), change, known)


def _read_sample(
    network: XECRegressor, files: EventFiles, n_events: int
) -> tuple[Sample, list[tuple[str, int]]]:
    """Read the first events, and the file and entry of each."""
    readings: list[tuple[Tensor, Tensor]] = []
    places: list[tuple[str, int]] = []
    dtype = network.encoder.normalizer.npho_scale.dtype
    for npho, time, path, start in _chunks(files):
        take = min(len(npho), n_events - len(places))
        pair = (torch.as_tensor(np.array(values[:take])) for values in (npho, time))
        readings.append(tuple(values.to(network.device, dtype) for values in pair))  # type: ignore[arg-type]
        places += [(path, start + row) for row in range(take)]
        if len(places) == n_events:
            break
    return Sample(*(torch.cat(values) for values in zip(*readings, strict=True))), places


def _chunks(files: EventFiles) -> Iterator[tuple[Floats, Floats, str, int]]:
    with EventReader(
        list(files.paths),
        ("npho", "time"),
        tree_name=files.tree_name,
        npho_branch=files.npho_branch,
        time_branch=files.time_branch,
    ) as reader:
        for chunk in reader:
            yield chunk["npho"], chunk["time"], str(chunk.shard.path), chunk.shard.start


def _array(values: Tensor) -> Floats:
    return np.asarray(values.double().cpu().numpy())
