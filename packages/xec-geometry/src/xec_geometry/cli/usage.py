"""Arguments that a command does not take, told in one line as all other errors."""

from __future__ import annotations

from typing import Any

import typer

from xec_geometry.errors import XecError

# typer exports only the kinds of usage errors; that of click, or of its own copy of it, has no name there.
UsageError: type[Any] = typer.BadParameter.__mro__[1]

_TOO_MANY = "Got unexpected extra argument"
_OUTPUT = "--output"


class ArgumentsError(XecError):
    """Arguments that a command does not take."""


def told(error: Any) -> str:
    """Say in one line what is wrong with the arguments, and where they are explained.

    Parameters
    ----------
    error
        The usage error.
    """
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    context = error.ctx
    if message.startswith(_TOO_MANY) and context is not None and _lacks_output(context):
        message += " (did you mean -o FILE, for the output?)"
    command = "xec" if context is None else context.command_path
    return f"{message[:1].lower()}{message[1:]}; '{command} --help' explains the arguments"


def has_been_told(error: Any) -> bool:
    """Return whether a group, called without arguments, has already printed its help."""
    return not error.format_message().strip()


def _lacks_output(context: Any) -> bool:
    """Return whether a command has an option for its output, which was not given."""
    return any(
        _OUTPUT in parameter.opts and context.params.get(parameter.name) is None
        for parameter in context.command.params
    )
