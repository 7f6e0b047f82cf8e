"""A Python for jobs, with the networks of tests: ``-u -m MODULE ARGUMENTS``, as submitit calls it."""

from __future__ import annotations

import runpy
import sys

import pytest
from tests.shallow import make_networks_shallow


def _nothing(**_: object) -> list[object]:
    return []


if __name__ == "__main__":
    make_networks_shallow(pytest.MonkeyPatch())
    import xec_train.runs.artifacts

    # What other packages add to a run is tested there.
    xec_train.runs.artifacts.entry_points = _nothing  # type: ignore[assignment]
    _, module, *sys.argv[1:] = sys.argv[sys.argv.index("-m") :]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
