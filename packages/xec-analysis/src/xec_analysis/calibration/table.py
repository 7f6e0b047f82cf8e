"""The measured lines as numbers: in the terminal, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xec_analysis.calibration.energy_dependence import ResolutionCurve, fit_resolution_curve
from xec_analysis.calibration.measurement import MeasuredLine, Region
from xec_analysis.fitting.line_fit import LineFit
from xec_analysis.fitting.line_models import LINE_MODELS
from xec_analysis.resolution.digits import with_error
from xec_analysis.resolution.statistics import Number
from xec_analysis.style.quantities import PERCENT, quantity
from xec_geometry.support.output import atomic_output

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

Cell = str | int | float | None

_MEV = quantity("energy").unit.factor


def resolution_curves(lines: Sequence[MeasuredLine]) -> dict[str, ResolutionCurve]:
    """Fit σ/E against E of every estimate that has two or more good lines."""
    curves = {}
    for label in dict.fromkeys(label for line in lines for label in line.whole):
        good = [line for line in lines if label in line.whole and line.whole[label].is_good]
        numbers = [number for line in good if (number := line.whole[label].relative_sigma) is not None]
        curve = fit_resolution_curve([line.events.line for line in good], numbers)
        if curve is not None:
            curves[label] = curve
    return curves


def lines_tables(lines: Sequence[MeasuredLine]) -> Iterator[RenderableType]:
    """Yield a table of each line, of the dependence on the energy, and notes."""
    for line in lines:
        yield _line_table(line)
        for note in _notes(line):
            yield f"note: {note}"
    for label, curve in resolution_curves(lines).items():
        tested = "" if curve.ndf else "; as many lines as terms: nothing tests the curve"
        yield f"{label}: σ/E = {curve.formula}: {', '.join(curve_lines(curve))}{tested}"


def curve_lines(curve: ResolutionCurve) -> list[str]:
    """Write the coefficients of a dependence one by one, and its χ² if it has degrees of freedom."""
    lines = []
    for term, number in zip(curve.terms, curve.coefficients, strict=True):
        text = f"{with_error(number.scaled(term.factor))} {term.unit}" if number.value else "0, its bound"
        lines.append(f"{term.symbol} = {text}")
    return [*lines, f"χ²/ndf {curve.chi2:.1f}/{curve.ndf}"] if curve.ndf else lines


def write_tables(lines: Sequence[MeasuredLine], path: Path) -> list[Path]:
    """Write all fits as CSV and as JSON, the second with settings, notes and the dependence on the energy.

    Parameters
    ----------
    lines
        The measured lines.
    path
        Name of the files without suffix.

    Returns
    -------
    list of Path
        The two files. A failed fit has no numbers in them: empty cells, and null.
    """
    rows = [row for line in lines for row in _rows(line)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows({name: "" if x is None else x for name, x in row.items()} for row in rows)
    paths = [path.with_name(f"{path.name}.{suffix}") for suffix in ("csv", "json")]
    document = {
        "lines": [
            {
                "line_mev": line.events.line * _MEV,
                "name": line.events.name,
                "position": line.events.position or None,
                "notes": list(_notes(line)),
                "settings": line.settings.model_dump(mode="json", exclude={"lines"}),
                "fits": _rows(line),
            }
            for line in lines
        ],
        "resolution": {label: _curve_cells(curve) for label, curve in resolution_curves(lines).items()},
    }
    whole = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, content in zip(paths, (text.getvalue(), whole), strict=True):
        with atomic_output(name) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="")
    return paths


def _line_table(line: MeasuredLine) -> Table:
    from rich import box
    from rich.table import Table

    low, high = (_MEV * energy for energy in line.window)
    title = (
        f"{line.events.name}: line of {_MEV * line.events.line:g} MeV, {len(line.events)} events, "
        f"{line.settings.model} from {low:.4g} to {high:.4g} MeV"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    table.add_column("energy of", no_wrap=True)
    for name in ("in range", "peak MeV", "σ/E %", "χ²/ndf"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("fit", overflow="fold")
    for label, fit in line.whole.items():
        table.add_row(label, str(fit.n_events), *_texts(fit), fit.status)
    return table


def _texts(fit: LineFit) -> list[str]:
    if not fit.is_good:
        return ["", "", ""]
    return [
        with_error(_scaled(fit.peak, _MEV)),
        with_error(_scaled(fit.relative_sigma, PERCENT.factor)),
        f"{fit.chi2:.0f}/{fit.ndf}" if fit.ndf else "",
    ]


def _notes(line: MeasuredLine) -> Iterator[str]:
    yield from line.events.notes
    if line.events.position:
        yield f"patches and depths by the position of the kind '{line.events.position}'"
    if any(fit.is_poor for fit in line.whole.values()):
        others = ", ".join(name for name in LINE_MODELS if name != line.settings.model)
        yield (
            f"the events do not have the shape {line.settings.model}: peak and σ/E of poor fits mean little; "
            f"other shapes: {others} (model in --line-settings)"
        )
    parts = [
        (region, fit) for region in line.fits if region.kind != "all" for fit in line.fits[region].values()
    ]
    for what, number in (
        ("failed", sum(not fit.is_good for _, fit in parts)),
        ("have a poor χ² (p < 0.001)", sum(fit.status == "poor" for _, fit in parts)),
    ):
        if number:
            yield f"{number} of {len(parts)} fits in patches and depths {what}; the CSV file tells which"


def _rows(line: MeasuredLine) -> list[dict[str, Cell]]:
    return [
        _cells(line, region, label, fit) for region, fits in line.fits.items() for label, fit in fits.items()
    ]


def _cells(line: MeasuredLine, region: Region, label: str, fit: LineFit) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        "line_mev": line.events.line * _MEV,
        "name": line.events.name,
        "estimate": label,
        "region": region.kind,
    }
    for name, interval in zip("uvw", (region.u, region.v, region.w), strict=True):
        for end, value in zip(("low", "high"), interval or (None, None), strict=True):
            cells[f"{name}_{end}_cm"] = value
    cells["events_in_range"] = fit.n_events
    measured: Mapping[str, Number | None] = {
        "peak_mev": _scaled(fit.peak, _MEV),
        "sigma_over_e_percent": _scaled(fit.relative_sigma, PERCENT.factor),
        **{parameter.name: fit.shape(parameter.name) for parameter in fit.model.shape},
    }
    for name, number in measured.items():
        cells[name] = None if number is None else number.value
        cells[f"{name}_error"] = None if number is None else number.error
    cells["chi2"] = _finite(fit.chi2)
    cells["ndf"] = fit.ndf if fit.is_good else None
    cells["probability"] = _finite(fit.probability)
    cells["status"] = fit.status
    return cells


def _curve_cells(curve: ResolutionCurve) -> dict[str, object]:
    terms: dict[str, object] = {
        term.symbol: {
            "value": number.value * term.factor,
            "error": None if number.error is None else number.error * term.factor,
            "unit": term.unit,
        }
        for term, number in zip(curve.terms, curve.coefficients, strict=True)
    }
    return {**terms, "chi2": curve.chi2, "ndf": curve.ndf}


def _scaled(number: Number | None, factor: float) -> Number | None:
    return None if number is None else number.scaled(factor)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
