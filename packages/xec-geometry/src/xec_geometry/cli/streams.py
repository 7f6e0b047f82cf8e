"""Standard output and error that no terminal can break: closed pipes, encodings without our characters."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

CLOSED = "xec: note: standard output was closed; going on without it"

_NARROWEST = 20

_CLOSED = (errno.EPIPE, errno.ESHUTDOWN)


class UnbreakableStream(io.TextIOBase):
    """A stream that goes on as if it were read when its reader has gone.

    Parameters
    ----------
    stream
        The stream to write to.
    note
        Written to standard error when the reader has gone; empty: nothing is.
    """

    def __init__(self, stream: TextIO, note: str = "") -> None:
        self._stream, self._note = stream, note

    def write(self, text: str) -> int:
        """Write text; nowhere, once the reader has gone."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._go_on_without_reader(error)
            return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        try:
            self._stream.flush()
        except OSError as error:
            self._go_on_without_reader(error)

    def _go_on_without_reader(self, error: OSError) -> None:
        if error.errno not in _CLOSED:
            raise error
        self.discard()
        if self._note:
            print(self._note, file=sys.stderr)

    def discard(self) -> None:
        """Let what waits in the buffer go nowhere, now and when the interpreter ends."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    @property
    def buffer(self) -> Any:
        """The bytes below."""
        return self._stream.buffer

    def fileno(self) -> int:
        """Return the number of the file."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def unbreakable_streams() -> Iterator[None]:
    """Let standard output and error outlive their readers, and replace characters that they lack.

    Where one was closed before the start (``>&-``), what is written to it goes nowhere.
    """
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        # Python has None for a stream that was closed.
        output, errors = (stream or opened.enter_context(_nowhere()) for stream in before)
        for stream in (output, errors):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        standard = UnbreakableStream(output, CLOSED)
        sys.stdout, sys.stderr = standard, UnbreakableStream(errors)
        try:
            yield
        finally:
            try:
                # Here, where a full disk can still be told; the interpreter would try once more.
                standard.flush()
            except OSError:
                standard.discard()
                raise
            finally:
                sys.stdout, sys.stderr = before


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123


def forget_impossible_width() -> None:
    """Forget a width of the terminal in which nothing can be written: libraries would write nothing."""
    width = os.environ.get("COLUMNS", "")
    if width and not (width.isascii() and width.isdigit() and int(width) >= _NARROWEST):
        del os.environ["COLUMNS"]
