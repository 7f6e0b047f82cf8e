"""Simulated events for the tests of the anchor."""

from __future__ import annotations

import pytest
import torch

from xec_data import EventReader, SimulationConfig, simulate_file

BRANCHES = ("npho", "time", "uvwTruth", "energyTruth", "timeTruth", "emiAng", "emiVec")


@pytest.fixture(scope="session")
def shower_events(tmp_path_factory):
    """256 showers of 15 to 60 MeV, 2 % of the sensors dead, by branch: those of the stored numbers."""
    path = tmp_path_factory.mktemp("anchor") / "events.root"
    simulate_file(path, SimulationConfig(seed=11, energy=(0.015, 0.060), dead_fraction=0.02), 256)
    with EventReader(path, BRANCHES, chunk_size=256) as reader:
        chunk = next(iter(reader))
    return {name: torch.tensor(chunk[name]) for name in BRANCHES}
