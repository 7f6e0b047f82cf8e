"""A process that leaves at once waits for no thread, and loses no output."""

import subprocess
import sys

import pytest

from xec_geometry.support.leaving import leave

PROGRAM = """
import atexit, threading
from xec_geometry.support.leaving import leave, leave_at_once
atexit.register(print, "tidied")
threading.Thread(target=threading.Event().wait, daemon={daemon}).start()
print("said")
if {at_once}:
    leave_at_once()
leave(3)
"""


@pytest.mark.parametrize(
    ("at_once", "daemon", "said"), [(True, False, "said\n"), (False, True, "said\ntidied\n")]
)
def test_the_end_of_a_process(at_once: bool, daemon: bool, said: str) -> None:
    program = PROGRAM.format(at_once=at_once, daemon=daemon)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, said, "")


def test_otherwise_the_caller_can_still_tidy() -> None:
    with pytest.raises(SystemExit) as caught:
        leave(2)
    assert caught.value.code == 2
