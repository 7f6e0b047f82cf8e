"""The xec command as a host of plug-ins."""

from __future__ import annotations

import tomllib
import warnings
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from xec_geometry.cli import application as cli, plugins as cli_plugins
from xec_geometry.cli.command_table import COMMANDS, PACKAGES
from xec_geometry.cli.plugins import COMMAND_GROUP, CommandError, CommandPlugins, require_commands
from xec_geometry.errors import XecError, did_you_mean
from xec_geometry.support.registry import PluginWarning

ROOT = Path(__file__).parents[2]


def greet(name: str) -> None:
    """Say hello."""
    if name == "nobody":
        raise XecError("nobody to greet")
    print(f"hello {name}")


def wave(name: str) -> None:
    """Wave."""
    print(f"{name} waved at")


def complain() -> None:
    """Warn."""
    warnings.warn("the task 'x' is left out", PluginWarning, stacklevel=1)


BROKEN = EntryPoint(name="broken", value="no_such_module:app", group=COMMAND_GROUP)


class LoadedEntryPoint:
    """An entry point whose function is at hand: test modules are not importable by name."""

    def __init__(self, name: str, function: object, package: str) -> None:
        self.name, self.value, self.function = name, f"{package}:{name}", function
        self.dist = SimpleNamespace(name=package)

    def load(self) -> object:
        return self.function


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The registered commands, to which a test can add."""
    points: list[object] = [LoadedEntryPoint("greet", greet, "greetings"), BROKEN]
    monkeypatch.setattr(cli_plugins, "entry_points", lambda group: points)
    return points


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    return int(end.value.code or 0)


@pytest.mark.usefixtures("points")
class TestHost:
    def test_runs_a_plug_in(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("greet", "world") == 0
        printed = capsys.readouterr()
        assert printed.out == "hello world\n"
        assert not printed.err, "the broken plug-in is no matter of this command"

    def test_a_module_that_ends_the_process_is_one_line_of_warning(
        self, points: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def load(_point: LoadedEntryPoint) -> None:
            raise SystemExit("bye")

        point = LoadedEntryPoint("leaving", greet, "leavers")
        monkeypatch.setattr(point, "load", lambda: load(point))
        points.append(point)
        assert run("--help") == 0
        printed = capsys.readouterr()
        assert "warning: the command 'leaving' of leavers cannot be loaded: SystemExit: bye\n" in printed.err
        assert "greet" in printed.out

    @pytest.mark.filterwarnings("always::UserWarning")
    def test_an_entry_that_is_left_out_is_one_line_of_warning(
        self, points: list[object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        points.append(LoadedEntryPoint("complain", complain, "complaints"))
        assert run("complain") == 0
        assert capsys.readouterr().err == "warning: the task 'x' is left out\n"

    def test_a_broken_plug_in_is_one_line_of_warning(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--help") == 0
        printed = capsys.readouterr()
        assert "greet" in printed.out
        assert printed.err.count("\n") == 1
        assert "'broken'" in printed.err
        assert "no_such_module" in printed.err

    def test_a_broken_plug_in_that_is_asked_for_is_an_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("broken") == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert printed.startswith("xec: error: the command 'broken' of no_such_module:app cannot be loaded: ")
        assert "ModuleNotFoundError: No module named 'no_such_module'" in printed

    def test_something_that_is_no_command_is_a_broken_plug_in(
        self, points: list[object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        points.append(LoadedEntryPoint("number", 5, "numbers"))
        assert run("--help") == 0
        assert "'number' of numbers cannot be loaded" in capsys.readouterr().err

    def test_an_error_of_the_user_is_one_line_and_exit_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("greet", "nobody") == 2
        assert capsys.readouterr().err.splitlines()[-1] == "xec: error: nobody to greet"

    def test_debug_shows_the_traceback(self) -> None:
        with pytest.raises(XecError):
            cli.main(["greet", "nobody", "--debug"])

    def test_an_unknown_command_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("greeet") == 2
        assert capsys.readouterr().err == (
            "xec: error: unknown command 'greeet' (did you mean 'greet'?); 'xec --help' lists the commands\n"
        )

    def test_commands_of_the_same_name_are_reported(
        self, points: list[object], capsys: pytest.CaptureFixture[str]
    ) -> None:
        points.append(LoadedEntryPoint("greet", wave, "waving"))
        assert run("greet", "world") == 0
        printed = capsys.readouterr()
        assert printed.out == "hello world\n"
        assert printed.err == (
            "warning: the command 'greet' is registered by greetings and by waving; "
            "that of greetings is used\n"
        )
        assert run("--help") == 0
        assert capsys.readouterr().err.count("'greet'") == 1

    def test_the_command_of_xec_wins(self, points: list[object], capsys: pytest.CaptureFixture[str]) -> None:
        points += [LoadedEntryPoint("train", wave, "trains"), LoadedEntryPoint("train", greet, "xec-train")]
        assert run("train", "world") == 0
        printed = capsys.readouterr()
        assert printed.out == "hello world\n"
        assert "'train' is registered by xec-train and by trains; that of xec-train is used" in printed.err

    def test_a_command_of_a_package_that_is_not_installed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def version(package: str) -> str:
            raise PackageNotFoundError(package)

        monkeypatch.setattr(cli_plugins, "version", version)
        assert run("train", "run.yaml") == 2
        expected = "the command 'train' is part of xec-train, which is not installed: pip install xec-train"
        assert capsys.readouterr().err == f"xec: error: {expected}\n"
        with pytest.raises(CommandError, match=expected):
            require_commands(["greet", "train"])
        require_commands(["greet"])

    def test_a_command_that_the_installed_package_lacks(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("train", "run.yaml") == 2
        assert "pip install --upgrade xec-train" in capsys.readouterr().err

    def test_commands_of_the_table_come_first(self, points: list[object]) -> None:
        points += [LoadedEntryPoint(name, greet, "any") for name in ("plot", "zoom", "data")]
        assert list(CommandPlugins()) == ["data", "plot", "broken", "greet", "zoom"]


def test_version_lists_the_installed_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[: len(PACKAGES)] == list(PACKAGES)


def test_the_table_has_what_the_packages_register() -> None:
    registered = {
        (name, package.name)
        for package in (ROOT / "packages").iterdir()
        for name in tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"][
            COMMAND_GROUP
        ]
    }
    assert registered == {(command.name, command.package) for command in COMMANDS.values()}
    assert set(PACKAGES) == {package.name for package in (ROOT / "packages").iterdir()}


def test_help_lists_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [word for line in lines for word in line.strip("│ ").split()[:1] if word in COMMANDS]
    assert listed == [name for name, command in COMMANDS.items() if not command.hidden]
    assert {point.name for point in entry_points(group=COMMAND_GROUP)} >= set(COMMANDS)


def test_near_names_are_offered() -> None:
    assert did_you_mean("nphos", ["npho", "time"]) == " (did you mean 'npho'?)"
    assert did_you_mean("NPHO", ["npho", "time"]) == " (did you mean 'npho'?)"
    assert did_you_mean("xyz", ["npho", "time"]) == ""
