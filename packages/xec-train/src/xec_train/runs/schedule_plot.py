"""A plot of the planned learning rates of a configuration."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xec_data.reading.reader import EventReader
from xec_geometry.errors import XecError
from xec_geometry.support.output import atomic_output, check_writable
from xec_train.config.train_config import TrainConfig
from xec_train.data.events import open_events
from xec_train.data.plan import ceil_div, n_batches
from xec_train.engine.optimization.learning_rates import SCHEDULES, learning_rate
from xec_train.errors import TrainError

# Where the files cannot be read the steps are unknown; this many in an epoch draw a smooth curve.
_STEPS_IF_UNKNOWN = 100
_FORMATS = (".pdf", ".png", ".svg")


def steps_per_epoch(config: TrainConfig) -> int:
    """Return the steps of the optimizer in an epoch of one process, counted from the training files.

    Raises
    ------
    XecError
        If they cannot be read.
    """
    data = config.data
    if data.fiducial.enabled:
        n_events = open_events(data.train_path, [], data).n_events
    else:
        reader = EventReader(
            data.train_path, ["npho"], tree_name=data.tree_name, npho_branch=data.npho_branch
        )
        n_events = reader.n_events
    return ceil_div(n_batches(n_events, data.batch_size), config.training.grad_accum_steps)


def plot_schedule(config: TrainConfig, path: Path) -> list[str]:
    """Draw the learning rate against the epoch.

    Parameters
    ----------
    config
        The configuration; its training files are opened if possible.
    path
        File of the plot: PDF, PNG or SVG by its suffix.

    Returns
    -------
    list of str
        Notes for the user: what the horizontal axis is based on.

    Raises
    ------
    TrainError
        If matplotlib is missing, or the suffix is another one.
    """
    if path.suffix.lower() not in _FORMATS:
        raise TrainError(f"--plot-lr {path}: found '{path.suffix}', expected one of {', '.join(_FORMATS)}")
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise TrainError("--plot-lr needs matplotlib: pip install 'xec-train[plot]'") from error
    check_writable(path)
    training = config.training
    try:
        steps = steps_per_epoch(config)
        notes = [f"{steps} steps in each of {training.epochs} epochs, counted from the training files"]
        label = f"epoch ({steps} steps each)"
    except XecError as error:
        steps, label = _STEPS_IF_UNKNOWN, "epoch"
        notes = [f"epochs only, the steps in them are not known: {error}"]
    rate = learning_rate(training, steps)
    step = np.arange(training.epochs * steps)
    values = np.array([rate(i) for i in step.tolist()])
    if training.max_minutes is not None:
        notes.append(f"max_minutes ({training.max_minutes:g}) compresses it to the epochs that fit")
    if SCHEDULES[training.scheduler].reduces_on_plateau:
        notes.append(f"{training.scheduler}: reductions after the validation loss are not known beforehand")

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    # Stairs: a rate holds for a whole step.
    axes.stairs(values, np.arange(len(values) + 1) / steps, baseline=None, color="C0", linewidth=1.5)
    axes.set(xlabel=label, ylabel="learning rate", xlim=(0, training.epochs), ylim=(0, 1.08 * values.max()))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    title = f"{training.optimizer}, {training.scheduler}: {values.max():.3g} to {values[-1]:.3g}"
    axes.set_title(title, size=10)
    with atomic_output(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)
    return notes
