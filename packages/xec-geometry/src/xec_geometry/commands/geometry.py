"""xec geometry: the sensors of the detector."""

import typer

app = typer.Typer(help="Sensors, faces and maps of the detector.", no_args_is_help=True)
