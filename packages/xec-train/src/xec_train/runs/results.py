"""Results of a finished training: predictions of its best network for the validation events."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from xec_models.checkpoint.building import load_evaluated
from xec_models.checkpoint.content import Checkpoint
from xec_models.checkpoint.reading import read_checkpoint
from xec_train.engine.display import Display
from xec_train.engine.evaluation import evaluate
from xec_train.errors import TrainError
from xec_train.runs.artifacts import make_artifacts
from xec_train.runs.assembly import Assembly


def write_results(assembly: Assembly, display: Display) -> list[Path]:
    """Apply the best network to the validation events, and write the results.

    Parameters
    ----------
    assembly
        A training that has reached its last epoch.
    display
        Display of progress and warnings.

    Returns
    -------
    list of Path
        The files of the run directory for the trackers; empty except in rank 0.

    Raises
    ------
    XecError
        If the best checkpoint cannot be read, or this is interrupted.
    """
    config, ready, fabric, processes, state, _, validation = assembly
    run, files = ready.run, [ready.run.config, ready.run.metrics]
    if not config.checkpoint.save_artifacts:
        return files
    best = run.checkpoint_best if run.checkpoint_best.exists() else run.checkpoint_last
    # A machine that has not written the file may see an older one for a while.
    checkpoint = processes.broadcast(lambda: _evaluated_part(read_checkpoint(best)))
    evaluated = state.evaluated
    network, objective = evaluated.network, ready.objective.with_learned(evaluated.learned)
    load_evaluated(network, checkpoint, str(best))
    with display.progress_bar("results of the best network", len(validation)) as bar:
        evaluation = evaluate(fabric, processes, objective, network, validation, bar)
    if evaluation is None:
        raise TrainError(f"the validation of {best} was interrupted")
    if not processes.is_first:
        return []
    report = ready.objective.report
    files += report.write_predictions(run.path, evaluation.predictions)
    # Rank 0 reads for all now.
    with closing(replace(validation, rank=0, world=1).epoch()) as batches:
        files += report.write_readings(run.path, network, map(fabric.to_device, batches))
    return [*files, *make_artifacts(run.path, display.warn)]


def _evaluated_part(checkpoint: Checkpoint) -> Checkpoint:
    """Return the checkpoint with the validated weights alone, which `load_evaluated` needs."""
    weights = checkpoint.weights
    if weights.averaged is not None:
        weights = replace(weights, model={})
    return replace(checkpoint, weights=weights, training=None)
