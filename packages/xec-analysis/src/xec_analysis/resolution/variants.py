"""Files in which the same events are predicted in several ways of recovering dead channels."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from xec_analysis.resolution.columns import Columns
from xec_data.tasks.table import TASKS
from xec_models.regressor.predictions import ABSOLUTE_TIME, PREDICTED, SIGMA, variant_column

PLAIN = ""
"""The variant of a file with one way only, whose columns have no further name."""


def variants_of(columns: Columns) -> list[str]:
    """Return the ways in which events are predicted, in the order of the columns.

    Parameters
    ----------
    columns
        Columns ``pred_<output>`` and ``pred_<output>_<variant>``.

    Returns
    -------
    list of str
        Every name with which all outputs of some task are there; `PLAIN` first, if there are predictions
        without a name. Empty without any.
    """
    plain = {f"{PREDICTED}{name}" for task in TASKS.values() for name in task.output_names}
    found: dict[str, None] = {}
    for task in TASKS.values():
        names = [f"{PREDICTED}{name}" for name in task.output_names]
        if all(name in columns for name in names):
            found = {PLAIN: None, **found}
        for column in columns:
            is_other = column in plain or column == ABSOLUTE_TIME or column.startswith(f"{ABSOLUTE_TIME}_")
            variant = column.removeprefix(f"{names[0]}_")
            whole = all(variant_column(name, variant) in columns for name in names)
            if variant != column and whole and not is_other:
                found[variant] = None
    return list(found)


def columns_of_variant(columns: Columns, variant: str) -> dict[str, NDArray[Any]]:
    """Return the columns of a file as if there were this way only.

    Parameters
    ----------
    columns
        All columns.
    variant
        One of `variants_of`.
    """
    others = [other for other in variants_of(columns) if other not in (PLAIN, variant)]
    ends = tuple(f"_{other}" for other in others)
    kept = {}
    for name, values in columns.items():
        if not name.startswith((PREDICTED, SIGMA)):
            kept[name] = values
        elif variant and name.endswith(f"_{variant}"):
            kept[name.removesuffix(f"_{variant}")] = values
        elif not variant and not (ends and name.endswith(ends)):
            kept[name] = values
    return kept


def split_variants(columns: Columns, name: str) -> list[tuple[str, dict[str, NDArray[Any]]]]:
    """Return a file as one for each of `variants_of`: ``<name>_<variant>`` and its columns.

    Parameters
    ----------
    columns
        All columns.
    name
        Name of the file, which predictions without a further name keep.
    """
    return [
        (f"{name}_{variant}" if variant else name, columns_of_variant(columns, variant))
        for variant in variants_of(columns) or [PLAIN]
    ]
