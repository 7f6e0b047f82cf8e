"""Terminal output of ``xec export inspect``: what a network is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xec_export.forms.inputs import GRAPH_INPUTS
from xec_export.onnx.description import ModelDescription, OutputDescription

_MANY = 8
_HASH_SHOWN = 12


def print_description(description: ModelDescription, path: Path) -> None:
    """Print inputs, outputs, geometry, training and versions of a network."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    table = Table(title=f"{path}", title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column("what", style="bold", no_wrap=True)
    table.add_column("value")
    for name, value in summary_rows(description):
        table.add_row(name, value)
    console.print(table)
    console.print(_output_table(description))


def _output_table(description: ModelDescription) -> Table:
    table = Table(title="outputs", title_justify="left")
    for heading in ("output", "shape", "unit"):
        table.add_column(heading, no_wrap=True)
    table.add_column("columns")
    if description.resolution:
        table.add_column("68 % on validation data")
    table.add_column("meaning")
    for output in description.outputs:
        cells = [output.name, _shape(("batch", *output.axes)), output.unit, _few(output.columns)]
        if description.resolution:
            cells.append(_resolution(description, output))
        table.add_row(*cells, output.meaning)
    return table


def summary_rows(description: ModelDescription) -> list[tuple[str, str]]:
    """Return name and value of everything but the outputs, for people."""
    shape = _shape(("batch", description.n_sensors))
    branches = {"npho": description.npho_branch, "time": description.time_branch}
    rows = [("kind", description.kind), ("name", description.name)]
    for name in description.inputs:
        known = GRAPH_INPUTS[name]
        branch = f", branch '{branches[name]}'" if name in branches else ""
        rows.append((f"input {name}", f"{shape}, unit {known.unit}{branch}: {known.meaning}"))
    rows += [
        ("tasks", ", ".join(description.tasks)),
        ("angles", description.angle_unit),
        ("mirror average", "yes" if description.mirror_average else "no"),
        ("precision", _precision(description)),
        ("layout", description.layout),
        (
            "geometry",
            f"{_geometry(description)}, hash {description.geometry_hash[:_HASH_SHOWN]}",
        ),
        ("normalization", ", ".join(f"{name} {value}" for name, value in description.normalization.items())),
        ("input range", _range(description)),
        ("epoch", "unknown" if description.epoch is None else str(description.epoch)),
        ("weights", {"ema": "moving average", "model": "last step"}.get(description.weights, "unknown")),
        ("trained with", _versions(description.versions)),
        ("exported with", _versions(description.export_versions)),
        ("revision", description.git_revision or "unknown"),
        ("opset", "no graph" if description.opset is None else str(description.opset)),
    ]
    return rows


def _precision(description: ModelDescription) -> str:
    lost = (f"{task} {max(growth):+.2%}" for task, growth in description.precision_loss.items())
    return (
        f"{description.precision}{', 68 % widths: ' if description.precision_loss else ''}{', '.join(lost)}"
    )


def _geometry(description: ModelDescription) -> str:
    return "nominal" if not description.nominal_hash else f"as built ({description.geometry})"


def _range(description: ModelDescription) -> str:
    if not description.input_range:
        return "unknown"
    return "; ".join(
        f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in description.input_range.items()
    )


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "unknown"


def _resolution(description: ModelDescription, output: OutputDescription) -> str:
    widths = description.resolution.get(output.task)
    if output.name != output.task or not widths:
        return ""
    return ", ".join(f"{width:.3g}" for width in widths)


def _shape(axes: tuple[object, ...]) -> str:
    return f"({', '.join(map(str, axes))})"


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")
