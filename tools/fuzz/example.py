"""An input of a reader: files and words, and what a target does with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hypothesis.strategies import SearchStrategy

_WORDS = "words.json"


class DifferenceError(Exception):
    """A value was read, and is not the one that the input holds."""


@dataclass(frozen=True)
class Example:
    """An input.

    Attributes
    ----------
    files
        Name → content.
    words
        Words of a command line, or other text that belongs to it.
    """

    files: Mapping[str, bytes]
    words: tuple[str, ...] = field(default=())

    def write(self, folder: Path) -> None:
        """Write everything into a folder, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        if self.words:
            (folder / _WORDS).write_text(json.dumps(self.words), encoding="utf-8")


class Target(Protocol):
    """A reader, the inputs to try, and what has to be true of what it reads.

    A class takes a folder for the valid files that it mutates.
    """

    def examples(self) -> SearchStrategy[Example]:
        """Return the strategy of inputs."""

    def read(self, folder: Path, example: Example) -> None:
        """Read an input that has been written into a folder.

        Raises
        ------
        XecError
            If it is refused, which is as good as being read right.
        DifferenceError
            If something else is read than what it holds.
        """


def require(condition: bool, message: str) -> None:
    """Raise a `DifferenceError` unless a condition holds."""
    if not condition:
        raise DifferenceError(message)
