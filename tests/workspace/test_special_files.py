"""Pipes and devices where files are expected: one line, and no command waits for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xec_geometry.cli.application import main

COMMANDS = [
    "data check {}",
    "data rewrite {} -o out.root",
    "config check {}",
    "config convert {}",
    "convert {} -o out.pth",
    "geometry check {}",
    "data simulate out.root -n 1 --geometry {}",
    "predict {} {} -o out.root",
    "inpaint {} {} -o out.root",
    "export {} -o out.onnx",
    "plot {}",
    "display {} 0 -o out.png",
    "compare {} {}",
]
OUTPUTS = [
    "data simulate {} -n 1 --force",
    "config new --force -o {}",
    "config schema --force -o {}",
    "geometry export --format cpp --force -o {}",
]


@pytest.mark.parametrize("command", [*COMMANDS, *OUTPUTS])
@pytest.mark.parametrize("name", ["pipe", "/dev/zero"])
def test_is_told_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(SystemExit) as stop:
        main([word.format(name) for word in command.split()])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("xec: error: ")
    assert name in line
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.filterwarnings("default")
def test_a_pipe_among_files_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["data", "simulate", "a.root", "-n", "1"])
    os.mkfifo("b.root")
    with pytest.raises(SystemExit) as stop:
        main(["data", "check", "."])
    assert not stop.value.code
    assert "warning: b.root is a pipe; left out" in capsys.readouterr().err
