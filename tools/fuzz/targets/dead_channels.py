"""Lists of dead channels: text, ROOT files and databases."""

from __future__ import annotations

import re
import sqlite3
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tools.fuzz.example import Example, require
from tools.fuzz.mutations import ODD_TEXT, mutated_bytes, mutated_lines

from xec_data.dead_channels.sources import open_dead_channels, write_dead_channels
from xec_data.writing.tree_writer import TreeWriter
from xec_geometry import N_SENSORS

_DEAD = (0, 3, 77, 4000, N_SENSORS - 1)
_TEXT, _ROOT, _DATABASE = "dead.txt", "dead.root", "dead.db"
_OPTIONS = ("#run=5", "#run=5&table=dead_channels", "#run=", "#table=x", "#", "")


class DeadChannelsTarget:
    """`open_dead_channels`."""

    def __init__(self, folder: Path) -> None:
        flags = np.zeros(N_SENSORS, bool)
        flags[list(_DEAD)] = True
        write_dead_channels(folder / _TEXT, flags, ["of a run"])
        with TreeWriter(folder / _ROOT) as writer:
            writer.extend({"dead": np.stack([flags, flags]), "run": np.array([5, 5], np.int32)})
        connection = sqlite3.connect(folder / _DATABASE)
        with connection:
            connection.execute("create table dead_channels (sensor int, first_run int, last_run int)")
            connection.executemany("insert into dead_channels values (?, 1, 9)", [(i,) for i in _DEAD])
        connection.close()
        self._seeds = {name: (folder / name).read_bytes() for name in (_TEXT, _ROOT, _DATABASE)}

    def examples(self) -> SearchStrategy[Example]:
        """Return changed files of the three kinds; of a database also changed addresses."""
        text = self._seeds[_TEXT].decode()
        root = self._seeds[_ROOT]
        kinds = [
            mutated_lines(text, ["4759", "4760", "1,2", "1 2"]).map(
                lambda new: Example({_TEXT: new.encode()})
            ),
            mutated_bytes(self._seeds[_TEXT]).map(lambda new: Example({_TEXT: new})),
            mutated_bytes(root, [(0, 400), (len(root) - 4000, len(root))]).map(
                lambda new: Example({_ROOT: new})
            ),
        ]
        if find_spec("sqlalchemy") is not None:
            options = st.one_of(
                st.sampled_from(_OPTIONS), st.sampled_from(ODD_TEXT).map(lambda word: f"#{word}")
            )
            kinds.append(
                st.builds(
                    lambda new, option: Example({_DATABASE: new}, (option,)),
                    mutated_bytes(self._seeds[_DATABASE]),
                    options,
                )
            )
        return st.one_of(kinds)

    def read(self, folder: Path, example: Example) -> None:
        """Compare a text with its numbers; a ROOT file has checksums, and a database none."""
        (name,) = example.files
        source = str(folder / name)
        if name == _DATABASE:
            source = f"sqlite:///{source}{example.words[0]}"
        dead = open_dead_channels(source).dead(5)
        require(dead.shape == (N_SENSORS,) and dead.dtype == bool, f"an array of {dead.shape}, {dead.dtype}")
        found = np.flatnonzero(dead).tolist()
        if name == _TEXT:
            text = example.files[name].decode("utf-8-sig")
            lines = [line.partition("#")[0] for line in re.split(r"\r\n?|\n", text)]
            stated = sorted({int(word) for word in re.findall(r"\d+", " ".join(lines), re.ASCII)})
            require(found == stated, f"{found} instead of {stated}")
        elif name == _ROOT:
            require(found == list(_DEAD), f"{found} instead of {_DEAD}")
