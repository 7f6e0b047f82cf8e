"""Files that may be pipes or devices."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from xec_geometry.support import input as input_module
from xec_geometry.support.input import InputError, read_text, special_kind


def test_kinds(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").touch()
    assert special_kind(tmp_path / "pipe") == special_kind(tmp_path / "link") == "a pipe"
    assert special_kind("/dev/zero") == "a device"
    for name in ("file", "", "missing"):
        assert special_kind(tmp_path / name) is None


def test_a_text_keeps_its_ends_of_lines_and_loses_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    assert read_text(path) == "a\r\nb\n"


def test_a_text_out_of_a_pipe_that_is_slow(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    os.close(reading)

    def write() -> None:
        for part in (b"a: 1\n", b"b: 2\n"):
            os.write(writing, part)
        os.close(writing)

    timer = threading.Timer(0.2, write)
    timer.start()
    assert read_text(path) == "a: 1\nb: 2\n"
    timer.join()


def test_nothing_comes_out_of_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_module, "_SECONDS_OF_SILENCE", 0.01)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="nothing comes out of the pipe"):
        read_text(path)
    both = os.open(path, os.O_RDWR)
    with pytest.raises(InputError, match="nothing comes out of the pipe"):
        read_text(path)
    os.close(both)


def test_a_device_without_end() -> None:
    with pytest.raises(InputError, match="more than 1 MB"):
        read_text("/dev/zero", longest=1 << 20)
