"""Processes end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import multiprocessing, sys, time
from xec_geometry.support.parent import exit_with_parent

def work():
    exit_with_parent()
    print(multiprocessing.current_process().pid, flush=True)
    time.sleep(100)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
"""

STUDY = """
from pathlib import Path
from xec_geometry.support.parent import run_child

run_child("import os, time; print(os.getpid(), flush=True); time.sleep(100)", [], Path())
"""


@pytest.mark.parametrize("text", [PROGRAM, STUDY], ids=["worker", "step"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_ends_with_its_parent(tmp_path: Path, text: str, number: signal.Signals) -> None:
    program = tmp_path / "program.py"
    program.write_text(text)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(number)
    for _ in range(300):
        if not _is_running(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the process lives on without its parent")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_simulation_cleans_up(tmp_path: Path, number: signal.Signals, seconds: float) -> None:
    """While its processes start, and while they work; Ctrl-C goes to all of them."""
    arguments = ["data", "simulate", "out.root", "--events", "1000000", "--processes", "2"]
    program = [sys.executable, "-c", "from xec_geometry.cli.application import main; main()", *arguments]
    with subprocess.Popen(
        program, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        _wait_for(lambda: any(tmp_path.iterdir()))
        time.sleep(seconds)
        os.killpg(process.pid, number)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number
    told = [line for line in errors.splitlines() if line and not line.startswith("simulat")]
    assert told == [f"xec: {number.name}: stopped; no output is half written"]
    assert not list(tmp_path.iterdir())


STEP = """
import pathlib, time
from xec_geometry.support.signals import Terminated, orderly_end

with orderly_end():
    try:
        pathlib.Path("begun").touch()
        time.sleep(100)
    except Terminated:
        time.sleep(0.5)
        pathlib.Path("cleaned").touch()
"""

INTERRUPTED_STUDY = f"""
from pathlib import Path
from xec_geometry.support.parent import run_child
from xec_geometry.support.signals import orderly_end

with orderly_end():
    run_child({STEP!r}, [], Path())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_study_waits_until_its_step_has_cleaned_up(tmp_path: Path, number: signal.Signals) -> None:
    program = [sys.executable, "-c", INTERRUPTED_STUDY]
    with subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        _wait_for((tmp_path / "begun").exists)
        process.send_signal(number)
    assert (tmp_path / "cleaned").exists()


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing happened in half a minute")


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
