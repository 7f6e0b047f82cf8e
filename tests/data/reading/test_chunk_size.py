"""Memory that does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xec_data import SCHEMA, TreeWriter, bounded_chunk_size
from xec_data.reading.chunk_size import available_memory, default_chunk_size
from xec_geometry import N_SENSORS

MB = 1024**2


def test_what_fits_is_not_reduced() -> None:
    assert bounded_chunk_size(1000, ["npho", "time"], available=10**12) == (1000, None)


def test_a_chunk_takes_an_eighth_of_the_memory_at_most() -> None:
    size, note = bounded_chunk_size(256_000, ["npho", "time"], available=1024 * MB)
    assert 0.99 * 128 * MB < size * 2 * SCHEMA["npho"].bytes_per_event <= 128 * MB
    assert note is not None
    assert f"reduced from 256000 to {size} events" in note


def test_processes_share_the_memory() -> None:
    alone, _ = bounded_chunk_size(256_000, ["npho"], available=1024 * MB)
    shared, _ = bounded_chunk_size(256_000, ["npho"], available=1024 * MB, processes=4)
    assert abs(shared - alone / 4) <= 1


def test_there_is_always_room_for_one_event() -> None:
    assert bounded_chunk_size(5, ["npho"], available=0)[0] == 1


def test_the_memory_of_a_container_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xec_data.reading.chunk_size.container_memory", lambda: 2_000_000)
    assert available_memory() == 2_000_000
    monkeypatch.setattr("xec_data.reading.chunk_size.container_memory", lambda: None)
    assert available_memory() > 2_000_000


def test_the_default_is_small_beside_any_machine() -> None:
    events = default_chunk_size(["npho", "time"])
    assert 16 * MB < events * 2 * SCHEMA["npho"].bytes_per_event <= 32 * MB


# Peak of the resident memory before and after reading, in kB as Linux counts, in a process of its own.
READ_THROUGH = """
import resource, sys
import numpy, uproot, awkward
from xec_data import EventReader
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path, size = sys.argv[1], int(sys.argv[2]) or None
baseline, events, total = peak(), 0, 0.0
for chunk in EventReader(path, ["npho", "time", "event"], chunk_size=size):
    events += len(chunk)
    total += float(chunk["npho"][:, 0].sum())
print(events, int(total), peak() - baseline)
"""


def write_events(path: Path, n_events: int, compression: str) -> float:
    """Write in a stream; give the sum over the first sensor."""
    rng = np.random.default_rng(1)
    batch, total = 500, 0.0
    with TreeWriter(path, compression=compression) as writer:
        for start in range(0, n_events, batch):
            npho = rng.integers(0, 4000, (min(batch, n_events - start), N_SENSORS)).astype(np.float32)
            total += float(npho[:, 0].sum())
            event = np.arange(start, start + len(npho), dtype=np.int32)
            writer.extend({"npho": npho, "relative_time": npho * np.float32(1e-11), "event": event})
    return total


def read_in_a_process(path: Path, chunk_size: int) -> tuple[int, int, float]:
    """Give events, the sum, and by how many MB the memory grew."""
    result = subprocess.run(
        [sys.executable, "-c", READ_THROUGH, str(path), str(chunk_size)],
        check=True,
        capture_output=True,
        text=True,
    )
    events, total, grown = result.stdout.split()
    return int(events), int(total), int(grown) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_memory_is_bounded_by_the_chunk(tmp_path: Path) -> None:
    path = tmp_path / "events.root"
    n_events = 4000
    total = write_events(path, n_events, "none")
    assert path.stat().st_size > 140 * MB
    events, found, grown = read_in_a_process(path, 400)
    assert (events, found) == (n_events, int(total))
    assert grown < 100


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_memory_is_bounded_for_a_file_of_2_gb(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "large.root"
    n_events = 2 * 1024 * MB // (2 * SCHEMA["npho"].bytes_per_event) + 1
    total = write_events(path, n_events, compression)
    if compression == "none":
        assert path.stat().st_size > 2 * 1024 * MB
    events, found, grown = read_in_a_process(path, 0)
    assert (events, found) == (n_events, int(total))
    assert grown < 300
