"""A group of commands of which one needs no name."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class GroupWithDefault(TyperGroup):
    """A group that stands for its first command where the arguments do not begin with the name of another.

    ``xec export MODEL`` exports, ``xec export inspect FILE`` inspects; a file of that name is ``./inspect``.
    """

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Let the first command take the group's place."""
        first, *others = self.commands
        if args[:1] and args[0] in others:
            return super().make_context(info_name, args, parent, **extra)
        return self.commands[first].make_context(info_name, args, parent, **extra)
