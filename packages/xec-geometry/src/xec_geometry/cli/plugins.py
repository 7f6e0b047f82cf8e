"""Commands that installed packages register, and messages about those that are missing or broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from typing import TypeVar

from xec_geometry.cli.command_table import COMMANDS, PACKAGES
from xec_geometry.errors import XecError, did_you_mean
from xec_geometry.support.entry_points import entry_points
from xec_geometry.support.text import first_line

COMMAND_GROUP = "xec.commands"

CommandT = TypeVar("CommandT")


class CommandError(XecError):
    """A command that is unknown, not installed or cannot be loaded."""


class CommandPlugins:
    """Entry points of the group ``xec.commands`` by the name of their command.

    Of several with the same name, the one that stands in the table of commands wins, then another one of
    xec, then the first.

    Parameters
    ----------
    points
        The entry points; by default those of all installed packages.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=COMMAND_GROUP) if points is None else points:
            found.setdefault(point.name, []).append(point)
        self._ignored: dict[str, list[EntryPoint]] = {}
        self._points: dict[str, EntryPoint] = {}
        for name in sorted(found, key=_rank):
            self._points[name], *self._ignored[name] = (
                sorted(found[name], key=_precedence) if len(found[name]) > 1 else found[name]
            )

    def __iter__(self) -> Iterator[str]:
        """Names of the registered commands, in the order of the table; those of others follow."""
        return iter(self._points)

    def load(self, name: str, build: Callable[[str, object], CommandT]) -> CommandT:
        """Import a command.

        Parameters
        ----------
        name
            Its name.
        build
            Makes it from its name and what its entry point refers to.

        Raises
        ------
        CommandError
            If the command is unknown, its package is not installed, or it cannot be loaded.
        """
        if name not in self._points:
            raise CommandError(missing_command(name, self))
        point = self._points[name]
        try:
            return build(name, point.load())
        # A module may also end the process when it is imported.
        except (Exception, SystemExit) as error:
            raise CommandError(
                f"the command '{name}' of {package_of(point)} cannot be loaded: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error

    def collisions(self, name: str) -> Iterator[str]:
        """Say in a line each which other packages register a command of the same name."""
        for other in self._ignored.get(name, ()):
            yield (
                f"the command '{name}' is registered by {package_of(self._points[name])} and by "
                f"{package_of(other)}; that of {package_of(self._points[name])} is used"
            )

    def packages(self) -> list[str]:
        """Names of the installed packages of xec, and of the others that bring commands."""
        others = {point.dist.name for point in self._points.values() if point.dist is not None}
        return [name for name in PACKAGES if _is_installed(name)] + sorted(others - set(PACKAGES))


def require_commands(names: Iterable[str]) -> None:
    """Make sure that commands are installed, before work is spent on what comes before them.

    Raises
    ------
    CommandError
        If one is missing; the message says which package to install.
    """
    plugins = CommandPlugins()
    for name in names:
        if name not in plugins:
            raise CommandError(missing_command(name, plugins))


def missing_command(name: str, installed: Iterable[str]) -> str:
    """Say in one line why there is no command of a name, and what to do about it."""
    if name not in COMMANDS:
        shown = (command for command in COMMANDS if not COMMANDS[command].hidden)
        near = did_you_mean(name, dict.fromkeys((*shown, *installed)))
        return f"unknown command '{name}'{near}; 'xec --help' lists the commands"
    package = COMMANDS[name].package
    if _is_installed(package):
        return (
            f"the command '{name}' is part of {package}, but the installed version {version(package)} "
            f"does not register it: pip install --upgrade {package}"
        )
    return f"the command '{name}' is part of {package}, which is not installed: pip install {package}"


def package_of(point: EntryPoint) -> str:
    """Name the package that registers an entry point, or its module where the package is unknown."""
    return point.dist.name if point.dist is not None else point.value


def _rank(name: str) -> tuple[int, str]:
    return (list(COMMANDS).index(name) if name in COMMANDS else len(COMMANDS), name)


def _precedence(point: EntryPoint) -> int:
    package = package_of(point)
    if point.name in COMMANDS and package == COMMANDS[point.name].package:
        return 0
    return 1 if package in PACKAGES else 2


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
