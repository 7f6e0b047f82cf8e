"""All checks, and their findings in columns or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xec_train.doctor import machine, software, tracking
from xec_train.doctor.finding import Check, Finding

CHECKS: tuple[Check, ...] = (
    Check("xec", software.packages),
    Check("software", software.libraries),
    Check("devices", software.devices),
    Check("processors", machine.processors),
    Check("memory", machine.memory),
    Check("files", machine.files),
    Check("tracking", tracking.store),
    Check("ONNX", software.onnx),
    Check("SLURM", software.slurm),
)
"""The checks, in the order of the table."""

Findings = Sequence[tuple[str, Finding]]
"""Each finding with its section."""


def examine() -> Findings:
    """Run all checks."""
    return [(check.section, finding) for check in CHECKS for finding in check.run()]


def problems(findings: Findings) -> list[str]:
    """Return a line for everything that is wrong."""
    return [f"{finding.name}: {finding.problem}" for _, finding in findings if finding.problem]


def as_table(findings: Findings) -> str:
    """Write the findings in columns, with a ``!`` at each problem; lines are not broken."""
    widths = [max((len(cells[i]) for cells in map(_cells, findings)), default=0) for i in (0, 1)]
    lines, last = [], ""
    for section, finding in findings:
        heading = "" if section == last else section
        mark = "!" if finding.problem else " "
        lines.append(f"{heading:<{widths[0]}} {mark} {finding.name:<{widths[1]}}  {finding.value}".rstrip())
        last = section
    return "\n".join(lines)


def _cells(found: tuple[str, Finding]) -> tuple[str, str]:
    return found[0], found[1].name


def as_json(findings: Findings) -> str:
    """Write the findings as JSON: a list of objects with section, name, value and problem (null if none)."""
    rows = [
        {"section": section, "name": finding.name, "value": finding.value, "problem": finding.problem or None}
        for section, finding in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False)
