"""``xec train``: train a network on ROOT files."""

from __future__ import annotations

from typing import Annotated

import typer

from xec_geometry.cli.exit_codes import INTERRUPTED
from xec_train.config.flags import describe_flags


def train(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG [KEY=VALUE | --FLAG VALUE]...",
            help="A YAML file, and changes to it such as training.epochs=5; any key can be given.",
            show_default=False,
        ),
    ],
    profile: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Profile N steps: print where their time goes; the weights are discarded.",
        ),
    ] = None,
) -> None:
    """Train a network from a YAML file ('xec config new' writes one), into a new run directory.

    Exits with 0 if the training reached its end, with 75 if it was interrupted and can be resumed, with 2 for
    an error that you can mend.
    """
    from xec_train.config.loading import load_command_line
    from xec_train.processes.launch import reported_once

    with reported_once():
        loaded = load_command_line(words)
        interrupted = False
        # The configuration is checked before the seconds that torch takes to load.
        if profile is not None:
            from xec_train.runs.profiling import profile_training

            profile_training(loaded.config, profile, loaded.notes)
        else:
            from xec_train.runs.training import run_training

            interrupted = not run_training(loaded.config, loaded.notes).finished
        from xec_train.processes.group import destroy_process_group

        # Not after an error: it waits for the other processes, which may wait too.
        destroy_process_group()
    if interrupted:
        raise typer.Exit(INTERRUPTED)


train.__doc__ = "\n\n".join(
    [train.__doc__ or "", "Shorthands for keys, with - or _ between words:", *describe_flags()]
)

# The host hands this to click: flags are read by the configuration, from its own table.
train.context_settings = {"ignore_unknown_options": True}  # type: ignore[attr-defined]
