"""The xec command as a host of plug-ins."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from xec_geometry.cli import application as cli
from xec_geometry.errors import XecError, did_you_mean


def greet(name: str) -> None:
    """Say hello."""
    if name == "nobody":
        raise XecError("nobody to greet")
    print(f"hello {name}")


BROKEN = EntryPoint(name="broken", value="no_such_module:app", group=cli.COMMAND_GROUP)


class LoadedEntryPoint:
    """An entry point whose function is at hand: test modules are not importable by name."""

    name = "greet"
    value = "greet"

    def load(self) -> object:
        return greet


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "entry_points", lambda group: [LoadedEntryPoint(), BROKEN])


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    return int(end.value.code or 0)


@pytest.mark.usefixtures("host")
class TestHost:
    def test_runs_a_plug_in(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("greet", "world") == 0
        assert capsys.readouterr().out == "hello world\n"

    def test_a_broken_plug_in_is_one_line_of_warning(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--help") == 0
        printed = capsys.readouterr()
        assert "greet" in printed.out
        assert printed.err.count("\n") == 1
        assert "'broken'" in printed.err
        assert "no_such_module" in printed.err

    def test_an_error_of_the_user_is_one_line_and_exit_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("greet", "nobody") == 2
        assert capsys.readouterr().err.splitlines()[-1] == "xec: error: nobody to greet"

    def test_debug_shows_the_traceback(self) -> None:
        with pytest.raises(XecError):
            cli.main(["greet", "nobody", "--debug"])

    def test_an_unknown_command_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("gret") == 2
        assert "gret" in capsys.readouterr().err


def test_near_names_are_offered() -> None:
    assert did_you_mean("nphos", ["npho", "time"]) == " (did you mean 'npho'?)"
    assert did_you_mean("NPHO", ["npho", "time"]) == " (did you mean 'npho'?)"
    assert did_you_mean("xyz", ["npho", "time"]) == ""
