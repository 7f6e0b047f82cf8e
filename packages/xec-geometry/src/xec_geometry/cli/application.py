"""The `xec` command: a host for the commands that the installed packages bring along."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from xec_geometry.__about__ import __version__
from xec_geometry.errors import XecError

COMMAND_GROUP = "xec.commands"
USER_ERROR = 2

# Users would read the same list in every order of installation; a chain reads best in its own order.
COMMAND_ORDER = (
    "demo",
    "geometry",
    "data",
    "config",
    "train",
    "track",
    "submit",
    "scan",
    "convert",
    "export",
    "predict",
    "inpaint",
    "plot",
    "display",
    "compare",
)


class _Chain(TyperGroup):
    """Lists its commands in the order of `COMMAND_ORDER`, unknown ones last."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return sorted(self.commands, key=_rank)


def build_app(plugins: Iterable[EntryPoint] | None = None) -> typer.Typer:
    """Assemble the command line from the entry points of the group ``xec.commands``.

    Parameters
    ----------
    plugins
        The entry points; by default those of all installed packages. Each names a `typer.Typer`
        (a group of commands) or a function (one command).

    Returns
    -------
    typer.Typer
        The application. A plug-in that cannot be loaded is left out with one line of warning.
    """
    app = typer.Typer(
        name="xec",
        cls=_Chain,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for plugin in plugins if plugins is not None else entry_points(group=COMMAND_GROUP):
        try:
            command = plugin.load()
        except Exception as error:
            typer.echo(
                f"warning: the command '{plugin.name}' ({plugin.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}".splitlines()[0],
                err=True,
            )
            continue
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=plugin.name)
        else:
            # A plug-in may carry click's settings for its command, e.g. to accept any option.
            settings = getattr(command, "context_settings", None)
            app.command(plugin.name, context_settings=settings)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the `xec` command and exit: 0 if all went well, 2 for an error that the user can mend."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    try:
        build_app()(arguments, prog_name="xec")
    except XecError as error:
        if debug:
            raise
        typer.echo(f"xec: error: {error}", err=True)
        sys.exit(USER_ERROR)


def _rank(name: str) -> tuple[int, str]:
    return (COMMAND_ORDER.index(name) if name in COMMAND_ORDER else len(COMMAND_ORDER), name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xec-geometry {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Reconstruct photons in the MEG II liquid-xenon detector with neural networks."""
