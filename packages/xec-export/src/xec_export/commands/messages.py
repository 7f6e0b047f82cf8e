"""Terminal output of the commands: the table of differences, closing lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from xec_export.commands.progress import duration
from xec_export.precision.loss import ALLOWED_GROWTH

if TYPE_CHECKING:
    from xec_export.inpainting.files import InpaintingReport
    from xec_export.inpainting.network import InpaintingNetwork
    from xec_export.onnx.export import ExportReport
    from xec_export.onnx.parity import ParityReport
    from xec_export.output.written_file import WrittenFile
    from xec_export.precision.loss import LossReport
    from xec_export.prediction.files import PredictionReport
    from xec_export.prediction.folder import FolderProgress, FolderReport
    from xec_export.prediction.predictor import Predictor


def print_parity(report: ParityReport) -> None:
    """Print the largest difference of each number that the network predicts."""
    table = Table(
        title=f"Export against torch: largest difference over {report.n_events} events of {report.source}",
        title_justify="left",
    )
    for heading, justify in (
        ("output", "left"),
        ("difference", "right"),
        ("unit", "left"),
        ("scale", "right"),
        ("relative", "right"),
        ("at", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in report.differences:
        table.add_row(
            row.column,
            f"{row.absolute:.1e}",
            row.unit,
            f"{row.scale:.1e}",
            f"{row.relative:.1e}",
            row.case,
            style=None if row.relative <= report.tolerance else "red",
        )
    Console(soft_wrap=True).print(table)


def print_loss(report: LossReport, precision: str) -> None:
    """Print the widths of a graph of lower precision beside those in float32."""
    table = Table(
        title=f"Half widths that hold 68 % of the residuals of {report.n_events} events of {report.source}",
        title_justify="left",
    )
    table.add_column("output")
    for heading in ("fp32", precision, "growth"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for row in report.losses:
        table.add_row(
            row.column,
            f"{row.full:.4g}",
            f"{row.reduced:.4g}",
            f"{row.n_lost} events lost" if row.n_lost else f"{row.growth:+.2%}",
            row.unit,
            style=None if row.growth <= ALLOWED_GROWTH else "red",
        )
    Console(soft_wrap=True).print(table)


def _form(report: ExportReport) -> str:
    opset = report.description.opset
    return "compiled" if opset is None else f"opset {opset}"


def print_export(report: ExportReport) -> None:
    """Print the files of an export."""
    worst = report.parity.worst
    print(
        f"largest difference {worst.relative:.1e} of the spread ({worst.column}, {worst.case}); "
        f"allowed {report.parity.tolerance:g}"
    )
    print(
        f"wrote {report.onnx} ({report.n_parameters / 1e6:.1f} million parameters, "
        f"{report.n_bytes / 1e6:.1f} MB, {_form(report)}, {report.seconds:.0f} s) "
        f"and {report.json}" + (f", replacing {report.replaced}" if report.replaced else "")
    )


def print_prediction(report: PredictionReport, predictor: Predictor) -> None:
    """Print the file of a prediction, and the notes about it."""
    error_console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for note in report.notes:
        error_console.print(f"note: {note}")
    print(
        f"wrote {report.output}: {report.n_events} events in {report.seconds:.1f} s "
        f"({report.rate:.0f} events/s, {predictor.device})"
    )
    _print_dump(report)


def _print_dump(report: WrittenFile) -> None:
    if report.dump is not None:
        print(f"wrote {report.dump}: inputs and predictions of {report.n_dumped} events")


def print_inpainting(report: InpaintingReport, network: InpaintingNetwork) -> None:
    """Print the numbers of recovered channels, and the notes about them."""
    error_console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for note in report.notes:
        error_console.print(f"note: {note}")
    per_event = f"{report.least}" if report.least == report.most else f"{report.least} to {report.most}"
    print(
        f"wrote {report.output}: {report.n_channels} dead channels recovered ({per_event} an event; "
        f"{' and '.join(network.channels)}) in {report.n_events} events, {report.seconds:.1f} s "
        f"({report.rate:.0f} events/s, {network.device})"
    )
    only_invalid = report.n_channels - report.n_bad
    print(
        f"  {report.n_bad} of sensors known as bad, {only_invalid} only without a valid count in "
        f"their event; {report.n_left} others without one are left invalid"
    )
    _print_dump(report)


class ManyFiles:
    """Prints the files of a folder as they are made, each note once.

    Parameters
    ----------
    predictor
        What predicts.
    console
        The terminal that a bar is on, if there is one.
    """

    def __init__(self, predictor: Predictor, console: Console | None) -> None:
        self._predictor, self._console = predictor, console
        self._told: set[str] = set()

    def print(self, report: PredictionReport, state: FolderProgress) -> None:
        """Print a file that was made, what is new about it, and how long the others will take."""
        left = "" if state.seconds_left is None else f", {duration(state.seconds_left)} left"
        wrote = (
            f"wrote {report.output}: {report.n_events} events in {report.seconds:.1f} s "
            f"({report.rate:.0f} events/s, {self._predictor.device}), {state.number} of {state.n_files} "
            f"files{left}"
        )
        # Not through a bar that is being shown: it would be broken in two.
        errors = self._console or Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        for note in report.notes:
            # The same is said of every file, but for its name.
            text = note.replace(str(state.file), "")
            if text not in self._told:
                self._told.add(text)
                errors.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
        if self._console is not None:
            self._console.print(wrote, markup=False, highlight=False, soft_wrap=True)
        else:
            print(wrote, flush=True)


def print_folder(report: FolderReport) -> None:
    """Print what became of many files, and why some failed."""
    n_events = sum(made.n_events for made in report.made)
    if report.finished:
        print(
            f"{len(report.finished)} files in {report.folder} are there already, complete, of the same model "
            "and inputs (--force makes them again)"
        )
    if report.made:
        print(f"wrote {len(report.made)} files with {n_events} events into {report.folder}")
    if report.failed:
        console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        n_files = len(report.made) + len(report.finished) + len(report.failed)
        console.print(f"{len(report.failed)} of {n_files} files failed:")
        for path, reason in report.failed.items():
            console.print(f"  {path}: {reason.removeprefix(f'{path}: ')}")
