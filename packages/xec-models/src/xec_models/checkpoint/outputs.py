"""Names, units and symbols of a network's outputs, as a checkpoint states them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xec_data.tasks.table import TASKS
from xec_models.checkpoint.content import Checkpoint, OutputLabel
from xec_models.errors import CheckpointError


def output_labels(tasks: Iterable[str]) -> dict[str, tuple[OutputLabel, ...]]:
    """Look up the outputs of tasks; those that no installed package defines are left out."""
    return {
        task: tuple(
            OutputLabel(output.name, output.unit, output.symbol or output.name)
            for output in TASKS[task].outputs
        )
        for task in tasks
        if task in TASKS
    }


def check_tasks(checkpoint: Checkpoint, source: str) -> None:
    """Check that installed packages define every task.

    Raises
    ------
    CheckpointError
        If one does not: names all of these, their outputs, and the remedy.
    """
    missing = [task for task in checkpoint.config.enabled_tasks if task not in TASKS]
    if missing:
        described = "; ".join(
            f"its task '{task}' is defined by no installed package{_listed(checkpoint.outputs, task)}"
            for task in missing
        )
        it = "it" if len(missing) == 1 else "them"
        raise CheckpointError(
            f"{source}: {described}; install the package that provides {it} (entry-point group xec.tasks)"
        )


def _listed(outputs: Mapping[str, tuple[OutputLabel, ...]], task: str) -> str:
    labels = [f"{label.name} ({label.unit})" for label in outputs.get(task, ())]
    return f", its outputs are {', '.join(labels)}" if labels else ""
