"""Tables of a survey: the sensors that they state are where they say, and no others have moved."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import mutated_bytes, mutated_lines

from xec_geometry import N_SENSORS
from xec_geometry.detector.geometry_file import COLUMNS, read_survey
from xec_geometry.detector.survey import nominal_table

_FILE = "survey.txt"
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


class SurveyTarget:
    """`read_survey`."""

    def __init__(self, folder: Path) -> None:
        del folder
        nominal = nominal_table()
        rows = [
            f"{i} {' '.join(f'{x:.4f}' for x in nominal.positions[i])} 0 0 -1"
            for i in (0, 1, 7, 300, 4091, N_SENSORS - 1)
        ]
        self._seed = "\n".join([" ".join(COLUMNS), "# as built", *rows, ""])

    def examples(self) -> SearchStrategy[Example]:
        """Return tables with other lines, and other bytes."""
        lines = mutated_lines(self._seed, ["1", "4760", "0,", "sensor_id"]).map(str.encode)
        return st.one_of(lines, mutated_bytes(self._seed.encode())).map(lambda text: Example({_FILE: text}))

    def read(self, folder: Path, example: Example) -> None:
        """Compare with the numbers of the lines, read in another way."""
        table = read_survey(folder / _FILE)
        stated = _stated(example.files[_FILE])
        require(table.surveyed.tolist() == sorted(stated), f"{table.surveyed} instead of {sorted(stated)}")
        nominal = nominal_table()
        moved = set(np.flatnonzero((table.positions != nominal.positions).any(axis=1)).tolist())
        require(moved <= set(stated), f"sensors {moved - set(stated)} have moved")
        for sensor, numbers in stated.items():
            require(table.positions[sensor].tolist() == numbers[:3], f"sensor {sensor} is at {numbers[:3]}")
        require(bool(np.allclose(np.linalg.norm(table.normals, axis=1), 1)), "a normal is no unit vector")


def _stated(content: bytes) -> dict[int, list[float]]:
    text = content.decode("utf-8-sig")
    lines = [
        [field for field in re.split(r"[\s,]+", line.partition("#")[0]) if field]
        for line in re.split(r"\r\n?|\n", text)
    ]
    stated = {}
    for fields in lines:
        if not fields or fields[0].lower() == COLUMNS[0]:
            continue
        for field in fields:
            require(_NUMBER.fullmatch(field) is not None, f"{field!r} was taken for a number")
        stated[int(fields[0])] = [float(field) for field in fields[1:]]
    return stated
