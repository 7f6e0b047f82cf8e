"""The page for people who come from the earlier system says what is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xec_geometry.cli.application import main
from xec_train.config.earlier.table import EARLIER_FLAGS, EARLIER_KEYS, SECOND_FLAGS, EarlierKey
from xec_train.config.flags import FLAGS

PACKAGE = Path(__file__).parents[4] / "packages" / "xec-train"
PAGE = (PACKAGE / "docs" / "coming-from-xec-ml-wl.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def _how(entry: EarlierKey) -> str:
    return "accepted" if entry.accepted else "left out" if entry.is_left_out else "converted"


def test_keys_are_those_of_the_table() -> None:
    shown = {row[0].strip("`"): (re.findall(r"`([^`]+)`", row[1]), row[2]) for row in rows("Keys")}
    assert shown == {key: (list(entry.new), _how(entry)) for key, entry in EARLIER_KEYS.items()}


def test_flags_are_those_of_the_tables() -> None:
    there = {name for row in rows("Flags") for name in re.findall(r"--(\w+)", row[0])}
    assert {*EARLIER_FLAGS, *SECOND_FLAGS, "config"} <= there
    assert there <= {*EARLIER_FLAGS, *SECOND_FLAGS, *FLAGS, "config"}
    here = {name.replace("-", "_") for row in rows("Flags") for name in re.findall(r"`--([\w-]+)", row[1])}
    assert here <= set(FLAGS)


def test_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(
        re.findall(r"(?:`|^\$ |no-python )xec ([a-z-]+(?: (?:check|new|convert))?)", PAGE, re.MULTILINE)
    )
    assert {
        "train",
        "convert",
        "export",
        "predict",
        "plot",
        "data check",
        "display",
        "config convert",
    } <= named
    for name in sorted(named):
        with pytest.raises(SystemExit) as caught:
            main([*name.split(), "--help"])
        assert not caught.value.code, name
        capsys.readouterr()


def test_the_readme_leads_here() -> None:
    assert "docs/coming-from-xec-ml-wl.md" in (PACKAGE / "README.md").read_text(encoding="utf-8")
