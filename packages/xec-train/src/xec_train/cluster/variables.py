"""Environment variables of scripts of the earlier system, as words of a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xec_train.config.arguments import parse_arguments
from xec_train.config.flags import FLAGS

FLAG_OF_VARIABLE: Mapping[str, str] = {
    "EPOCHS": "epochs",
    "LR": "lr",
    "TASKS": "tasks",
    "BATCH": "batch",
    "MASK_RATIO": "mask_ratio",
    "ROOT_PATH": "train_path",
    "TRAIN_PATH": "train_path",
    "VAL_PATH": "val_path",
    "EMA_DECAY": "ema_decay",
    "LOSS_TYPE": "loss_type",
    "LOSS_BETA": "loss_beta",
    "REWEIGHT_MODE": "reweight_mode",
    "WEIGHT_DECAY": "weight_decay",
    "WARMUP_EPOCHS": "warmup_epochs",
    "GRAD_CLIP": "grad_clip",
    "GRAD_ACCUM_STEPS": "grad_accum_steps",
    "CHUNKSIZE": "chunksize",
    "RESUME_FROM": "resume_from",
}
"""Variable → flag of ``xec train``."""

N_GPUS, DRY_RUN = "NUM_GPUS", "DRY_RUN"
_FALSE = ("", "0", "false", "no")


@dataclass(frozen=True)
class Variables:
    """What the variables say.

    Attributes
    ----------
    words
        Words for the command line of a training.
    gpus_per_node
        That of the command line, else ``NUM_GPUS``.
    dry_run
        ``DRY_RUN``.
    notes
        A line for each variable that was taken.
    """

    words: tuple[str, ...] = ()
    gpus_per_node: str | None = None
    dry_run: bool = False
    notes: tuple[str, ...] = ()


def read_variables(
    environment: Mapping[str, str], words: Sequence[str], gpus_per_node: str | None = None
) -> Variables:
    """Read the variables of a training that are set and not empty; the command line has the last word.

    Parameters
    ----------
    environment
        Usually `os.environ`.
    words
        The command line: keys that are given there are not taken from variables.
    gpus_per_node
        GPUs as the command line says.
    """
    of_job = read_job_variables(environment, gpus_per_node)
    given = {assignment.key for assignment in parse_arguments(words).assignments}
    taken: list[str] = []
    notes: list[str] = []
    for variable, name in FLAG_OF_VARIABLE.items():
        text = environment.get(variable, "").strip()
        if not text:
            continue
        flag = FLAGS[name]
        values = shlex.split(text) if flag.many else [text]
        flagged = [f"--{flag.name.replace('_', '-')}", *values]
        if given & {assignment.key for assignment in parse_arguments(flagged).assignments}:
            notes.append(f"${variable} is ignored: the command line says {' and '.join(flag.keys)}")
            continue
        taken += flagged
        notes.append(f"${variable} is set: {shlex.join(flagged)}")
    return replace(of_job, words=tuple(taken), notes=(*notes, *of_job.notes))


def read_job_variables(environment: Mapping[str, str], gpus_per_node: str | None = None) -> Variables:
    """Read the variables that are those of every job; parameters as of `read_variables`."""
    notes = []
    gpus = environment.get(N_GPUS, "").strip()
    if gpus and gpus_per_node is not None:
        notes.append(f"${N_GPUS} is ignored: the command line says --gpus-per-node {gpus_per_node}")
    elif gpus:
        notes.append(f"${N_GPUS} is set: --gpus-per-node {gpus}")
    dry_run = environment.get(DRY_RUN, "").strip().lower() not in _FALSE
    if dry_run:
        notes.append(f"${DRY_RUN} is set: nothing is submitted")
    return Variables((), gpus_per_node or gpus or None, dry_run, tuple(notes))
