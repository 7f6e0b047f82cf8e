"""Processes end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
