"""Failures of reading processes, told by the training in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xec_train.errors import TrainError

# torch says so from its handler of SIGCHLD, wherever the training is at that moment.
_ENDED = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (.*)", re.DOTALL)
_SHARED_MEMORY = (
    "unable to open shared memory",
    "unable to write to file </torch",
    "unable to mmap",
    "/dev/shm",
)


@dataclass(frozen=True)
class ReadingFailure:
    """An error of a reading process, sent to the training as a value: torch would wrap it in a traceback."""

    message: str


@contextmanager
def ended_processes_ignored() -> Iterator[None]:
    """Close what reading processes used, also where one of them is killed at that moment."""
    try:
        yield
    except RuntimeError as error:
        if not _ENDED.search(str(error)):
            raise


@contextmanager
def reading_failures_reported() -> Iterator[None]:
    """Turn the end of a reading process, or a lack of shared memory, into an error of one line.

    Raises
    ------
    TrainError
        Saying which, and what helps.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        text = str(error)
        if ended := _ENDED.search(text):
            how = " ".join(ended[2].split(". ")[0].rstrip(".").split())
            raise TrainError(
                f"the reading process {ended[1]} {how or 'ended'}: too little memory may be the reason; "
                "data.num_workers=0 reads without processes, a smaller data.chunksize needs less. The "
                "checkpoints so far are complete (checkpoint.resume_from=auto continues)"
            ) from error
        if any(words in text for words in _SHARED_MEMORY):
            raise TrainError(
                "the reading processes lack shared memory (/dev/shm); data.num_workers=0 reads without "
                "processes, a smaller data.chunksize needs less"
            ) from error
        raise
