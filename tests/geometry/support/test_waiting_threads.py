"""Threads that wait sleep soon, unless the user wants something else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xec_geometry.support.processors import POLICY, SPINS, let_waiting_threads_sleep

# With OMP_DISPLAY_ENV, GNU's OpenMP tells what it has understood when torch loads it.
PROGRAM = """
from xec_geometry.cli.application import main
try:
    main(["--version"])
except SystemExit:
    pass
import torch
"""


def test_it_is_set_unless_the_user_has() -> None:
    environment: dict[str, str] = {}
    let_waiting_threads_sleep(environment)
    assert int(environment[SPINS]) < 10_000
    for stated in ({SPINS: "7"}, {POLICY: "active"}):
        environment = dict(stated)
        let_waiting_threads_sleep(environment)
        assert environment == stated


def test_the_command_sets_it_before_torch_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (SPINS, POLICY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_DISPLAY_ENV", "verbose")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    if SPINS not in done.stderr:
        pytest.skip("this torch has not GNU's OpenMP")
    environment: dict[str, str] = {}
    let_waiting_threads_sleep(environment)
    assert f"{SPINS} = '{environment[SPINS]}'" in done.stderr
