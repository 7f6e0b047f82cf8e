"""Arguments that a command does not take are told in one line."""

from __future__ import annotations

import pytest

from xec_geometry.cli.application import main
from xec_geometry.cli.command_table import COMMANDS


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return str(line)


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if not command.hidden])
def test_an_unknown_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = told(capsys, command, "--no-such-option")
    assert line.startswith("xec: error: ")
    # The options of a training are those of the configuration, which finds no file here.
    assert "no such option: --no-such-option" in line or command in ("train", "submit", "scan")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("config", "new", "a.yaml"),
            "(a.yaml) (did you mean -o FILE, for the output?);",
        ),
        (("bound", "3"), "got unexpected extra argument(s) (3); 'xec bound --help' explains the arguments"),
        (("data", "simulate"), "missing argument 'OUT.root'; 'xec data simulate --help'"),
        (("data", "simulate", "a.root", "-n", "x"), "invalid value for '--events' / '-n': "),
        (("data", "chekc"), "no such command 'chekc'"),
        (("config", "new", "--objective"), "option '--objective' requires an argument; 'xec --help'"),
        (("config", "convert", "a.yaml", "--angle-unit", "grad"), "'deg', 'rad'"),
    ],
)
def test_the_line_says_what_and_where_to_read(
    arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in told(capsys, *arguments)
