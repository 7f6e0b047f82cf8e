"""A Python for jobs, with the networks of tests: ``-m MODULE``, as submitit calls it, or ``-c PROGRAM``."""

from __future__ import annotations

import os
import runpy
import sys

import pytest
from tests.shallow import make_networks_shallow


def _nothing(**_: object) -> list[object]:
    return []


def _main(arguments: list[str]) -> None:
    make_networks_shallow(pytest.MonkeyPatch())
    import xec_train.runs.artifacts

    # What other packages add to a run is tested there.
    xec_train.runs.artifacts.entry_points = _nothing  # type: ignore[assignment]
    # Processes of the job are such ones, too.
    sys.executable = os.environ["XEC_TESTS_PYTHON"]
    kind, what, *sys.argv[1:] = arguments[1:] if arguments[0] == "-u" else arguments
    if kind == "-c":
        exec(what, {"__name__": "__main__"})
    else:
        runpy.run_module(what, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
