"""The memory of a prediction does not grow with the file; `hatch run memory` does it with 2 GB in 1 GB."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xec_data import TreeWriter
from xec_data.writing import tree_writer

# Chunks of 2 MB, so that small files have many of them. Prints what the memory grew to, in kB.
PREDICT = """
import resource, sys
from xec_data.reading import chunk_size
chunk_size.DEFAULT_CHUNK_BYTES = 2 * 1024**2
from xec_export import PredictionOptions, open_predictor, predict_files
options = PredictionOptions(accept_range=True)
predict_files(open_predictor(sys.argv[1]), [sys.argv[2]], sys.argv[3], options=options)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_it_does_not_grow_with_the_file(
    exported: Any, make_events: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks, events = [], make_events(250)
    monkeypatch.setattr(tree_writer, "CLUSTER_BYTES", sum(values.nbytes for values in events.values()))
    for times in (1, 4):
        path = tmp_path / f"{times}.root"
        with TreeWriter(path, compression="none") as writer:
            for _ in range(times):
                writer.extend(events)
        done = subprocess.run(
            [sys.executable, "-c", PREDICT, exported.onnx, path, tmp_path / f"out{times}.root"],
            capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        peaks.append(int(done.stdout) * 1024)
    more = 3 * sum(values.nbytes for values in events.values())
    assert peaks[1] - peaks[0] < more / 2
