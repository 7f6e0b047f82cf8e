"""Signals that ask for an end let what runs unwind."""

from __future__ import annotations

import os
import pickle
import signal

import pytest

from xec_geometry.detector.survey import nominal_table
from xec_geometry.support import signals
from xec_geometry.support.signals import Terminated, orderly_end, undisturbed_start

ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_unwinds_the_block(number: signal.Signals) -> None:
    cleaned = []
    with pytest.raises(Terminated) as stop, orderly_end():
        try:
            signal.raise_signal(number)
        finally:
            # Its echo, which a batch system sends to all processes, must not disturb the cleaning.
            signal.raise_signal(number)
            cleaned.append(number)
    assert stop.value.number == number
    assert cleaned == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_second_signal_ends_what_hangs() -> None:
    child = os.fork()
    if child == 0:
        signals.ECHO_SECONDS = -1.0
        with orderly_end():
            try:
                signal.raise_signal(signal.SIGTERM)
            except Terminated:
                signal.raise_signal(signal.SIGTERM)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


def test_a_process_that_was_forked_ends_as_ever() -> None:
    with orderly_end():
        child = os.fork()
        if child == 0:
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with orderly_end():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_signals_wait_while_processes_start(number: signal.Signals, error: type[BaseException]) -> None:
    started = []
    with pytest.raises(error), orderly_end(), undisturbed_start():
        os.kill(os.getpid(), number)
        started.append(True)
    assert started
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_nominal_geometry_is_sent_by_its_name() -> None:
    sent = pickle.dumps(nominal_table())
    assert len(sent) < 1000
    assert pickle.loads(sent) is nominal_table()
