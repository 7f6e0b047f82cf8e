"""Descriptions of a database of dead channels: no sensor is dead that the run does not list."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import mutated_bytes, mutated_lines

from xec_data.dead_channels.sources import open_dead_channels
from xec_geometry import N_SENSORS

_RUN = 5
_LISTED, _BAD = range(0, N_SENSORS, 7), (0, 7, 4200)
_NAME = "conditions.yaml"
_JOINS = """\
run: RunCatalog.id
joins:
  - RunCatalog.status = XECStatus.status
sensor: XECStatus.sensor
bad: XECStatus.IsBad != 0
missing_sensors: good
"""
_QUERY = """\
query: SELECT sensor, IsBad FROM XECStatus WHERE status = (SELECT status FROM RunCatalog WHERE id = :run)
sensor: sensor
bad: [IsBad = 1, IsBad > 1]
missing_sensors: good
"""
_WORDS = [
    "bad: XECStatus.IsBad is not null",
    "XECStatus.sensor = RunCatalog.id",
    "missing_sensors: error",
    ":run",
]


class DescribedDatabaseTarget:
    """`open_dead_channels` of a YAML file."""

    def __init__(self, folder: Path) -> None:
        database = folder / "conditions.db"
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("create table RunCatalog (id int, status int)")
            connection.execute("create table XECStatus (status int, sensor int, IsBad int)")
            connection.execute("insert into RunCatalog values (?, 1)", (_RUN,))
            rows = [(i, int(i in _BAD)) for i in _LISTED]
            connection.executemany("insert into XECStatus values (1, ?, ?)", rows)
        url = folder / "url.txt"
        url.write_text(f"sqlite:///{database}\n")
        self._seeds = [f"connection: {{file: {url}}}\n{text}" for text in (_JOINS, _QUERY)]

    def examples(self) -> SearchStrategy[Example]:
        """Return descriptions with other lines, and other bytes."""
        texts = [mutated_lines(seed, _WORDS).map(str.encode) for seed in self._seeds]
        contents = [*texts, *(mutated_bytes(seed.encode()) for seed in self._seeds)]
        return st.one_of(contents).map(lambda content: Example({_NAME: content}))

    def read(self, folder: Path, example: Example) -> None:
        """Compare with what the database lists at all; the whole description as it was with the bad ones."""
        dead = open_dead_channels(str(folder / _NAME)).dead(_RUN)
        require(dead.shape == (N_SENSORS,) and dead.dtype == bool, f"an array of {dead.shape}, {dead.dtype}")
        found = set(np.flatnonzero(dead).tolist())
        require(found <= set(_LISTED), f"sensors {sorted(found - set(_LISTED))[:5]} are not listed")
        if example.files[_NAME].decode(errors="replace") in self._seeds:
            require(found == set(_BAD), f"{sorted(found)} instead of {_BAD}")
