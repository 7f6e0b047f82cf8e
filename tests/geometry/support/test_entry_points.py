"""Entry points: the metadata of installed packages are read once for all groups."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from xec_geometry.support import entry_points as module
from xec_geometry.support.entry_points import entry_points


def test_metadata_are_read_once_for_each_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another path than that of all other tests.
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "none")])
    read = []
    original = importlib.metadata.entry_points
    monkeypatch.setattr(module.importlib.metadata, "entry_points", lambda: read.append(1) or original())
    groups = [entry_points(group="xec.commands"), entry_points(group="xec.commands"), entry_points("none")]
    assert [bool(group) for group in groups] == [True, True, False]
    assert sum(read) == 1

    metadata = tmp_path / "fruit-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fruit\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[xec.fruits]\napple = fruit:APPLE\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert [point.name for point in entry_points(group="xec.fruits")] == ["apple"]
    assert sum(read) == 2
