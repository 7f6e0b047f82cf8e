"""``xec submit``: trainings, scans, predictions and notebooks as jobs of SLURM."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from xec_train.commands.submit_jobs import cancel, logs, status
from xec_train.commands.submit_work import notebook, predict, scan, train

_TRAINING = "train"


class _Group(TyperGroup):
    """A group whose first word is a command, or else part of a training."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Send what is no command of the group to that for trainings."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_TRAINING, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Show the shape of the usual command."""
        return ["CONFIG.yaml [OPTIONS] [KEY=VALUE]... | COMMAND [ARGS]..."]


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run trainings, scans, predictions and notebooks as jobs of SLURM.\n\n"
    "'xec submit CONFIG.yaml' submits a training; its options: 'xec submit train --help'.",
)

# What is no option of these commands belongs to the command that the job runs.
_ANY_OPTION = {"ignore_unknown_options": True}

app.command(_TRAINING, context_settings=_ANY_OPTION)(train)
app.command("scan", context_settings=_ANY_OPTION)(scan)
app.command("predict", context_settings=_ANY_OPTION)(predict)
app.command("notebook")(notebook)
app.command("status")(status)
app.command("logs")(logs)
app.command("cancel")(cancel)
