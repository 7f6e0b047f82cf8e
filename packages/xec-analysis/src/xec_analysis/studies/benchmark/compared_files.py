"""Rows of other groups: files of estimates whose set is recognized by the events in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xec_analysis.errors import AnalysisError
from xec_analysis.studies.benchmark.estimates import (
    Columns,
    Estimates,
    MismatchError,
    assign,
    read_estimate_columns,
)
from xec_analysis.studies.benchmark.truth import IDENTITY, SetTruth


@dataclass(frozen=True)
class ComparedFile:
    """A file of estimates of another program.

    Attributes
    ----------
    path
        The file.
    name
        Name of its row.
    """

    path: Path
    name: str


def parse_compared(texts: Sequence[str], taken: Collection[str]) -> list[ComparedFile]:
    """Read ``FILE`` or ``FILE=NAME``; without a name, a row is named after the file.

    Parameters
    ----------
    texts
        As typed.
    taken
        Names of the other rows.

    Raises
    ------
    AnalysisError
        If a file is missing, or a name is empty or taken.
    """
    files = []
    for text in texts:
        path, _, name = text.rpartition("=") if not Path(text).exists() and "=" in text else (text, "", "")
        file = ComparedFile(Path(path), name.strip() or Path(path).stem)
        if not file.path.is_file():
            raise AnalysisError(
                f"--compare {text}: no such file: {file.path}; expected a file of estimates, or FILE=NAME"
            )
        if file.name in taken:
            raise AnalysisError(
                f"--compare {text}: the row '{file.name}' is there already; expected another name, as in "
                f"{file.path}=NAME"
            )
        files.append(file)
    return files


def read_compared(
    files: Sequence[ComparedFile], truths: Mapping[str, SetTruth]
) -> dict[str, list[Estimates]]:
    """Read files, and find the set of each.

    Parameters
    ----------
    files
        The files. Two of one name are of two sets.
    truths
        The sets by name.

    Returns
    -------
    dict
        Name of a set → estimates for it.

    Raises
    ------
    AnalysisError
        If the events of a file are those of no set, or could be those of several.
    """
    found: dict[str, list[Estimates]] = {name: [] for name in truths}
    for file in files:
        set_name, estimates = _recognize(file, read_estimate_columns(file.path), truths)
        if any(other.method == file.name for other in found[set_name]):
            raise AnalysisError(f"{file.path}: the row '{file.name}' of the set {set_name} is given twice")
        found[set_name].append(estimates)
    return found


def _recognize(file: ComparedFile, columns: Columns, truths: Mapping[str, SetTruth]) -> tuple[str, Estimates]:
    fitting: dict[str, Estimates] = {}
    reasons: dict[str, str] = {}
    for name, truth in truths.items():
        try:
            fitting[name] = assign(columns, truth, file.name)
        except MismatchError as error:
            reasons[name] = str(error)
    if len(fitting) == 1:
        return next(iter(fitting.items()))
    if fitting:
        raise AnalysisError(
            f"{file.path}: its events may be those of {' or '.join(fitting)}; expected the columns "
            f"{' and '.join(IDENTITY)} of the set's file in it, or the true values"
        )
    said = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise AnalysisError(f"{file.path}: the events are not those of any set measured here: {said}")
