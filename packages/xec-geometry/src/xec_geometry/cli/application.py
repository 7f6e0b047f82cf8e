"""The `xec` command: a host for the commands that the installed packages bring along."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import EntryPoint, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from xec_geometry.cli.boundary import boundary
from xec_geometry.cli.command_table import COMMANDS
from xec_geometry.cli.exit_codes import USER_ERROR
from xec_geometry.cli.plugins import CommandError, CommandPlugins
from xec_geometry.cli.streams import forget_impossible_width
from xec_geometry.cli.usage import ArgumentsError, UsageError, has_been_told, told
from xec_geometry.errors import XecWarning
from xec_geometry.support.processors import let_waiting_threads_sleep
from xec_geometry.support.signals import Terminated


class CommandHost(TyperGroup):
    """The group of all commands, each of which is imported when it is run or listed."""

    plugins = CommandPlugins(())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import a command; raise a `CommandError` that says why there is none."""
        if cmd_name not in self.commands:
            self.commands[cmd_name] = self.plugins.load(cmd_name, _as_command)
            _warn(self.plugins.collisions(cmd_name))
        return self.commands[cmd_name]

    def invoke(self, ctx: Any) -> None:
        """Run a command; only `typer.Exit` makes an exit code of its own."""
        try:
            super().invoke(ctx)
        except KeyboardInterrupt as error:
            # typer would make it an exit code.
            raise Terminated(signal.SIGINT) from error

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands; one that cannot be loaded is left out with a line of warning."""
        for name in self.plugins:
            try:
                self.get_command(ctx, name)
            except CommandError as error:
                _warn([str(error)])
        super().format_help(ctx, formatter)


def build_app(plugins: Iterable[EntryPoint] | None = None) -> CommandHost:
    """Assemble the command line from the entry points of the group ``xec.commands``.

    Parameters
    ----------
    plugins
        The entry points; by default those of all installed packages. Each names a `typer.Typer`
        (a group of commands) or a function (one command).
    """
    app = typer.Typer(
        name="xec",
        cls=CommandHost,
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    host = get_group(app)
    assert isinstance(host, CommandHost)
    host.plugins = CommandPlugins(plugins)
    return host


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the `xec` command and exit: 0 if all went well, 2 for an error that the user can mend.

    Errors that nobody foresaw exit with 70; some commands have codes of their own.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    forget_impossible_width()
    let_waiting_threads_sleep()
    with boundary(arguments, debug=debug), warnings.catch_warnings():
        warnings.showwarning = partial(_show_warning, warnings.showwarning)
        sys.exit(_run(arguments))


def _run(arguments: Sequence[str]) -> int:
    try:
        # Not standalone: then typer would draw boxes around errors.
        return build_app()(arguments, prog_name="xec", standalone_mode=False) or 0
    except UsageError as error:
        if has_been_told(error):
            return USER_ERROR
        raise ArgumentsError(told(error)) from error
    except typer.Abort as error:
        raise Terminated(signal.SIGINT) from error


def _as_command(name: str, plugin: Any) -> Any:
    app = typer.Typer()
    known = COMMANDS.get(name)
    summary = known.summary if known else None
    if isinstance(plugin, typer.Typer):
        app.add_typer(plugin, name=name, short_help=summary)
    else:
        # A plug-in may carry click's settings for its command, e.g. to accept any option.
        settings = getattr(plugin, "context_settings", None)
        hidden = known is not None and known.hidden
        app.command(name, context_settings=settings, short_help=summary, hidden=hidden)(plugin)
    return get_group(app).commands[name]


def _warn(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(f"warning: {line}", err=True)


def _show_warning(
    otherwise: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *place: Any,
    **options: Any,
) -> None:
    if issubclass(category, XecWarning):
        _warn([str(message)])
    else:
        otherwise(message, category, *place, **options)


def _print_versions(wanted: bool) -> None:
    if wanted:
        for package in CommandPlugins().packages():
            typer.echo(f"{package} {version(package)}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_versions, is_eager=True, help="Print the installed packages of xec."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Reconstruct photons in the MEG II liquid-xenon detector with neural networks."""
