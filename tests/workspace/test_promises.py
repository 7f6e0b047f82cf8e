"""The promises in the README name the tests that keep them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_has_its_test() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## What xec promises")[2].partition("\n## ")[0]
    rows = [
        line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| promise")
    ]
    assert len(rows) >= 10
    for row in rows:
        found = re.search(r"`(tests/\S+\.py)::(\w+)`", row)
        assert found is not None, row
        path = ROOT / found[1]
        assert path.is_file(), row
        assert f"def {found[2]}(" in path.read_text(encoding="utf-8"), row
