"""Failures of reading processes are told in a line."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from xec_data import DataError, EventReader
from xec_train.data.loader import EventLoader
from xec_train.data.plan import Source
from xec_train.data.reading_processes import ended_processes_ignored, reading_failures_reported
from xec_train.errors import TrainError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "DataLoader worker (pid 12) is killed by signal: Killed. ",
            "process 12 is killed by signal: Killed: too",
        ),
        (
            "DataLoader worker (pid(s) 7, 8) exited unexpectedly",
            "process 7, 8 exited unexpectedly: too little",
        ),
        ("unable to write to file </torch_1_2>: No space left on device (28)", "lack shared memory"),
    ],
)
def test_what_torch_says(text: str, expected: str) -> None:
    with pytest.raises(TrainError, match=expected.replace("(", r"\(")) as error, reading_failures_reported():
        raise RuntimeError(text)
    assert len(str(error.value).splitlines()) == 1
    assert "data.num_workers=0" in str(error.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"), reading_failures_reported():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def loader(path: Path, workers: int = 1) -> EventLoader:
    reader = EventReader(path, ("npho", "time", "energyTruth"))
    return EventLoader(reader, [Source(tree) for tree in reader.trees], 8, 24, workers, seed=5)


def test_a_process_that_is_killed(write_events: Callable[..., Path]) -> None:
    reading = loader(write_events("a.root", 96))
    with (
        closing(reading),
        pytest.raises(TrainError, match="the reading process"),
        reading_failures_reported(),
    ):
        for _ in range(200):
            for _batch in reading.epoch():
                for process in multiprocessing.active_children():
                    assert process.pid is not None
                    os.kill(process.pid, signal.SIGKILL)


def test_a_process_that_is_killed_while_it_is_ended(
    write_events: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_them = _MultiProcessingDataLoaderIter._shutdown_workers

    def killed_before(iterator: Any) -> None:
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        end_them(iterator)

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_shutdown_workers", killed_before)
    reading = loader(write_events("a.root", 96))
    assert len(list(reading.epoch())) == 12
    reading.close()
    assert not multiprocessing.active_children()


def test_only_the_end_of_a_process_is_ignored() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"), ended_processes_ignored():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_is_replaced_while_it_is_read(write_events: Callable[..., Path], workers: int) -> None:
    path, other = write_events("a.root", 96), write_events("b.root", 96, first=1000)
    os.utime(path, (1_600_000_000, 1_600_000_000))
    reading = loader(path, workers)
    with closing(reading), pytest.raises(DataError, match=r"a\.root was changed while it was") as error:
        for batch in chain.from_iterable(reading.epoch(number) for number in range(4)):
            assert float(batch["npho"][:, 0].max()) < 1000
            if other.exists():
                other.replace(path)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_cut_while_it_is_read(write_events: Callable[..., Path]) -> None:
    path = write_events("a.root", 96)
    reading = loader(path)
    os.truncate(path, path.stat().st_size // 2)
    with closing(reading), pytest.raises(DataError, match=r"a\.root") as error:
        list(reading.epoch())
    assert len(str(error.value).splitlines()) == 1
