"""Names of faces and layouts are known to a type checker: a mistyped one is an error of types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]

ACCEPTED = (
    'index_map("inner", "xec-ml-wl")',
    'face_ids("outer_center")',
    "[index_map(face, layout) for face in FACES for layout in LAYOUTS]",
    'geometry_hash(layout="physical")',
)
REJECTED = (
    'index_map("innner")',
    'face_ids("innner")',
    'index_map("inner", "phisical")',
    'hex_edges("phisical")',
    'geometry_hash("phisical")',
    "index_map(3)",
)


def test_names_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "FACES, LAYOUTS, face_ids, geometry_hash, hex_edges, index_map"
    file = tmp_path / "names.py"
    lines = [f"from xec_geometry import {names}", *ACCEPTED, *REJECTED]
    file.write_text("\n".join(lines))
    monkeypatch.setenv("MYPYPATH", str(ROOT / "packages" / "xec-geometry" / "src"))
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", "--ignore-missing-imports"]
    printed, _, code = api.run([*options, str(file)])
    assert code == 1
    errors = dict(re.findall(r"names\.py:(\d+): error: (Argument .+)  \[arg-type\]", printed))
    assert [lines[int(number) - 1] for number in errors] == list(REJECTED), printed
    assert (
        "has incompatible type \"Literal['innner']\"" in errors[str(lines.index('index_map("innner")') + 1)]
    )
