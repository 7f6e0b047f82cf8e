"""Output of a training: plain lines in a file, a bar on a terminal; and reactions to signals."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console

from xec_train.engine import display as display_module
from xec_train.engine.display import Display
from xec_train.engine.interruption import Interruption


def test_lines_in_a_file_are_neither_wrapped_nor_coloured() -> None:
    file = io.StringIO()
    long = "[bold]not markup[/bold] " + "word " * 60
    Display(Console(file=file)).line(long)
    assert file.getvalue() == f"{long}\n"


def test_without_terminal_there_are_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display_module, "_SECONDS_BETWEEN_LINES", 0.0)
    file = io.StringIO()
    with Display(Console(file=file)).progress_bar("epoch 1/2", 4, done=1) as progress:
        assert progress.advance(32)
        progress.show({"loss": 0.25, "lr": 3e-4})
    assert file.getvalue().startswith("epoch 1/2  batch 2/4  loss 0.25  lr 0.0003  ")
    assert file.getvalue().endswith(" events/s\n")


def test_numbers_are_asked_for_rarely() -> None:
    with Display(Console(file=io.StringIO())).progress_bar("epoch 1/2", 4) as progress:
        assert not progress.advance(32)
        assert progress.n_events == 32


def test_on_a_terminal_there_is_a_bar_with_loss_rate_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display_module, "_SECONDS_BETWEEN_UPDATES", 0.0)
    file = io.StringIO()
    display = Display(Console(file=file, force_terminal=True, width=120))
    with display.progress_bar("epoch 1/2", 4) as progress:
        assert progress.advance(32)
        progress.show({"loss": 0.25, "lr": 3e-4})
        assert progress._bar is not None
        progress._bar.refresh()
    shown = file.getvalue()
    for part in ("epoch 1/2", "1/4", "loss 0.25", "lr 0.0003", "events/s"):
        assert part in shown


def test_signals_of_another_kind_and_echoes_change_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Interruption() as interruption:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
            signal.raise_signal(number)
        assert interruption.requested
    assert capfd.readouterr().err.count("stopping after this step") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_the_first_signal_asks_and_the_second_is_as_ever(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
