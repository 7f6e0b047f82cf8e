"""The branches of real data as C++ for a ROOT macro, so that a macro writes what is read here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xec_data.schema.branches import INVALID, INVALID_ABOVE, SCHEMA, TIME_BRANCH, TRUTH_BRANCHES, Branch
from xec_geometry.detector.parameters import INNER_RADIUS

BEGIN = "// --- generated from the schema: python -m xec_data.schema.root_macro FILE makes it anew ---"
END = "// --- end of what is generated ---"

# ROOT's name of a type, and its letter in a list of leaves.
_TYPES = {
    "float32": ("Float_t", "F"),
    "float64": ("Double_t", "D"),
    "int64": ("Long64_t", "L"),
    "bool": ("Bool_t", "O"),
}

ABSOLUTE_TIME = Branch("time", SCHEMA["time"].shape, "float64", "s", "absolute time per sensor")


def real_data_branches() -> tuple[Branch, ...]:
    """Return the branches of real data, as they stand in files: without the truth, with both clocks."""
    branches: list[Branch] = []
    for name, branch in SCHEMA.items():
        if name == "time":
            relative = "time per sensor, minus the earliest valid one of the event"
            branches += [
                Branch(TIME_BRANCH, branch.shape, branch.dtype, branch.unit, relative),
                ABSOLUTE_TIME,
            ]
        elif name not in TRUTH_BRANCHES:
            branches.append(branch)
    return tuple(branches)


def branch_table() -> str:
    """Return a struct of an event, and a function that books its branches in a tree."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    n_sensors = SCHEMA["npho"].size
    yield BEGIN
    yield f"constexpr int n_sensors = {n_sensors};"
    yield f"constexpr double no_value = {INVALID:g};  // what is not there"
    yield f"constexpr double invalid_above = {INVALID_ABOVE:g};  // what is larger is not there, either"
    yield f"constexpr double inner_radius = {INNER_RADIUS:g};  // of the coordinates (u, v, w), cm"
    yield ""
    yield "struct XecEvent {"
    for branch in real_data_branches():
        kind, _ = _TYPES[branch.dtype]
        size = "" if not branch.shape else f"[{'n_sensors' if branch.size == n_sensors else branch.size}]"
        unit = f" ({branch.unit})" if branch.unit else ""
        yield f"  {kind} {branch.name}{size};  // {branch.meaning}{unit}"
    yield ""
    yield "  void clear() {"
    for branch in real_data_branches():
        value = "no_value" if np.dtype(branch.dtype).kind == "f" else "0"
        if branch.shape:
            yield f"    std::fill(std::begin({branch.name}), std::end({branch.name}), {value});"
        else:
            yield f"    {branch.name} = {value};"
    yield "  }"
    yield ""
    yield "  void book(TTree& tree) {"
    for branch in real_data_branches():
        _, letter = _TYPES[branch.dtype]
        address = branch.name if branch.shape else f"&{branch.name}"
        size = f"[{branch.size}]" if branch.shape else ""
        yield f'    tree.Branch("{branch.name}", {address}, "{branch.name}{size}/{letter}");'
    yield "  }"
    yield "};"
    yield END


def with_table(text: str) -> str:
    """Return the text of a macro with the table between its marks made anew.

    Parameters
    ----------
    text
        A macro with `BEGIN` and `END` in lines of their own.

    Raises
    ------
    ValueError
        If it has not.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no lines {BEGIN!r} and {END!r} in the macro")
    return head + branch_table() + tail


def main() -> None:
    """Make the table in the files that are named on the command line anew."""
    import sys
    from pathlib import Path

    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
