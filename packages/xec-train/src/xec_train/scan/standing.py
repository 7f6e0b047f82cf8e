"""How far a study is, from its table alone: nobody has to open its storage for that."""

from __future__ import annotations

import csv

from xec_train.scan.folder import StudyFolder
from xec_train.scan.progress import RUNNING, WAITING


def trials_in_words(folder: StudyFolder) -> str:
    """Say how many trials have ended: ``3 of 6 trials``; of a chain, those of its current step.

    Parameters
    ----------
    folder
        Folder of the study.

    Returns
    -------
    str
        Empty until its first trial has ended.
    """
    if not folder.table.is_file():
        return ""
    with folder.table.open(newline="", encoding="utf-8") as file:
        trials = [(row["step"], row["state"]) for row in csv.DictReader(file)]
    if not trials:
        return ""
    step = trials[-1][0]
    states = [state for of_step, state in trials if of_step == step]
    n_ended = sum(state not in (WAITING, RUNNING) for state in states)
    of_step = f"step {step}: " if step else ""
    return f"{of_step}{n_ended} of {len(states)} trial{'s' if len(states) > 1 else ''}"
