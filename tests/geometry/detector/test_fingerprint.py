"""The hash of the geometry: stable, and different for what networks would see differently."""

import subprocess
import sys

import numpy as np
import pytest

from xec_geometry import LAYOUTS, GeometryError, geometry_hash, sensor_positions
from xec_geometry.detector import fingerprint

CHANGES = {
    "sensor_positions": lambda table: table + 1e-3,
    "sensor_normals": lambda table: -table,
    "hex_edges": lambda table: table[:, ::-1],
    "index_map": lambda table: table[::-1],
}


def test_hash_is_hexadecimal_and_one_per_layout():
    hashes = {geometry_hash(layout) for layout in LAYOUTS}
    assert len(hashes) == len(LAYOUTS) == 2
    assert all(len(text) == 64 and int(text, 16) >= 0 for text in hashes)
    assert geometry_hash() == geometry_hash("physical")


def test_another_process_finds_the_same():
    script = "import xec_geometry as g; print(*map(g.geometry_hash, g.LAYOUTS))"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert found == [geometry_hash(layout) for layout in LAYOUTS]


@pytest.mark.parametrize("name", CHANGES)
def test_every_table_counts(name, monkeypatch):
    original, before = getattr(fingerprint, name), geometry_hash.__wrapped__()
    monkeypatch.setattr(fingerprint, name, lambda *args: CHANGES[name](original(*args)))
    assert geometry_hash.__wrapped__() != before


def test_rounding_of_sines_does_not_count(monkeypatch):
    before = geometry_hash.__wrapped__()
    noise = 1e-12 * np.random.default_rng(1).standard_normal(sensor_positions().shape)
    monkeypatch.setattr(fingerprint, "sensor_positions", lambda: sensor_positions() + noise)
    assert geometry_hash.__wrapped__() == before


def test_unknown_layout():
    with pytest.raises(GeometryError, match="unknown layout"):
        geometry_hash("other")
