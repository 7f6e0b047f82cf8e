"""`xec compare-inpainting`: the earlier name of `xec compare`."""

from __future__ import annotations

import typer

# What stood between the model and the files is known from the files now.
_WITHOUT_MEANING = ("--network", "--no-network")


def compare_inpainting(context: typer.Context) -> None:
    """Do what `xec compare` does, which is the name of this command now."""
    from xec_analysis.commands.compare import compare

    typer.echo("warning: 'xec compare-inpainting' is called 'xec compare' now", err=True)
    arguments = [word for word in context.args if word not in _WITHOUT_MEANING]
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command("compare")(compare)
    app(arguments, prog_name="xec compare", standalone_mode=False)


compare_inpainting.context_settings = {  # type: ignore[attr-defined]
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
