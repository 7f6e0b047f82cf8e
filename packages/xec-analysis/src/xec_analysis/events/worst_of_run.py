"""The worst events of a run, as far as its network and its validation files are still there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from xec_analysis.events.event_losses import (
    EventLosses,
    computed_losses,
    residuals_as_losses,
    stored_losses,
)
from xec_analysis.events.worst_events import EventFiles, WorstEvents, find_worst_events
from xec_analysis.resolution.results import Results
from xec_geometry.errors import XecError
from xec_geometry.support.text import first_line
from xec_models.checkpoint.run_directory import RunDirectory

if TYPE_CHECKING:
    from xec_models.regressor.regressor import XECRegressor

Columns = Mapping[str, NDArray[Any]]


def worst_events_of(
    run: RunDirectory,
    results: Results,
    columns: Columns,
    files: EventFiles,
    load_network: Callable[[], XECRegressor],
) -> WorstEvents:
    """Find the validation events of a run with the largest losses.

    Parameters
    ----------
    run
        The run.
    results, columns
        Its validation.
    files
        The files with the readings; without them there are no events, and a note.
    load_network
        Returns its network; without it there is no attention, and a note.
    """
    network, notes = None, []
    try:
        network = load_network()
    except XecError as error:
        notes.append(f"no attention beside the worst events: {first_line(error)}")
    losses = stored_losses(columns)
    if losses is None:
        losses = residuals_as_losses(results)
        if network is not None:
            try:
                losses = _computed(run, network, columns)
            except XecError as error:
                notes.append(f"worst events by their residuals: {first_line(error)}")
    losses = replace(losses, functions=_functions(run))
    try:
        worst = find_worst_events(results, losses, columns, files, network)
    except XecError as error:
        # A run often travels without the files that it was validated on.
        return WorstEvents((), losses, notes=(f"no pictures of the worst events: {first_line(error)}",))
    return replace(worst, notes=(*notes, *worst.notes))


def _functions(run: RunDirectory) -> dict[str, str]:
    """Return the name of the loss of each task, as far as the configuration states it."""
    tasks = run.read_config().get("tasks")
    sections = tasks.items() if isinstance(tasks, dict) else ()
    return {
        str(task): str(section["loss_fn"])
        for task, section in sections
        if isinstance(section, dict) and section.get("loss_fn")
    }


def _computed(run: RunDirectory, network: XECRegressor, columns: Columns) -> EventLosses:
    from xec_models.checkpoint.reading import read_checkpoint

    training = read_checkpoint(run.checkpoint_best).training
    learned = {} if training is None else training.validated_objective
    log_variances = {name.rpartition(".")[2]: value for name, value in learned.items()}
    return computed_losses(network, log_variances, columns)
