"""Small event files, written with plain uproot so that the reader is tested against another hand's files."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from xec_geometry import N_SENSORS, angles_to_direction, xyz_to_uvw

Events = dict[str, NDArray[Any]]
WriteTree = Callable[..., Path]


def _events(n: int = 12, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    theta, phi = rng.uniform(1.2, 1.9, n), rng.uniform(2.4, 3.8, n)
    radius = rng.uniform(66, 80, n)
    azimuth = np.radians(rng.uniform(130, 230, n))
    xyz = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), rng.uniform(-20, 20, n)], axis=1)
    npho = rng.normal(2000, 500, (n, N_SENSORS)).astype(np.float32)
    time = rng.uniform(0, 1e-7, (n, N_SENSORS)).astype(np.float32)
    npho[:, 7] = 1e10
    time[:, 7] = 1e10
    npho[:, 11] = np.nan
    npho[0, 20] = -3.5
    return {
        "npho": npho,
        "relative_time": time,
        "emiAng": np.stack([theta, phi], axis=1).astype(np.float32),
        "emiVec": angles_to_direction(theta, phi, degrees=False).astype(np.float32),
        "energyTruth": rng.uniform(0.015, 0.06, n).astype(np.float32),
        "timeTruth": rng.normal(0, 1e-9, n).astype(np.float32),
        "xyzTruth": xyz.astype(np.float32),
        "uvwTruth": xyz_to_uvw(xyz).astype(np.float32),
        "xyzVTX": rng.normal(0, 1, (n, 3)).astype(np.float32),
        "n_gamma": np.ones(n, dtype=np.int32),
        "run": np.full(n, 42, dtype=np.int32),
        "event": np.arange(n, dtype=np.int32),
    }


@pytest.fixture
def make_events() -> Callable[..., Events]:
    """Give ``make_events(n, seed)``: arrays under the names that files have, angles in radians."""
    return _events


@pytest.fixture
def write_tree(tmp_path: Path) -> WriteTree:
    """Give ``write_tree(arrays, name, tree, clusters)``: a ROOT file, one basket per cluster and branch."""

    def write(arrays: Any, name: str = "events.root", tree: str = "tree", clusters: int = 1) -> Path:
        path = tmp_path / name
        n = len(next(iter(arrays.values())))
        edges = np.linspace(0, n, clusters + 1).astype(int)
        with uproot.recreate(path) as file:
            file.mktree(tree, {key: values[: edges[1]] for key, values in arrays.items()})
            for start, stop in pairwise(edges[1:]):
                file[tree].extend({key: values[start:stop] for key, values in arrays.items()})
        return path

    return write
