"""Truth that is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xec_data import DataError, EventChunk, Shard, check_readings, check_truth

GOOD = {
    "energyTruth": np.linspace(0.02, 0.05, 5, dtype=np.float32),
    "uvwTruth": np.zeros((5, 3), dtype=np.float32),
    "n_gamma": np.ones(5, dtype=np.int32),
    "npho": np.full((5, 4), 1e10, dtype=np.float32),
    "energyReco": np.full(5, np.nan, dtype=np.float32),
}


def test_good_truth_beside_invalid_readings() -> None:
    check_truth(GOOD, "run.root")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e10, -1e10])
@pytest.mark.parametrize("name", ["energyTruth", "uvwTruth"])
def test_file_branch_entry_and_count(name: str, value: float) -> None:
    bad = GOOD[name].copy()
    bad[2:4].flat[0] = value
    bad[4:].flat[-1] = value
    shard = Shard(Path("run.root"), 100, 105)
    with pytest.raises(
        DataError, match=rf"run\.root, branch '{name}': entry 102 is .*, 2 of 5 events are like it"
    ):
        check_truth(EventChunk({**GOOD, name: bad}, shard), shard)


def test_a_number_that_stands_for_no_value_is_explained() -> None:
    energy = GOOD["energyTruth"].copy()
    energy[3:] = 1e10
    with pytest.raises(
        DataError, match=r"entry 3 is 1\.e\+10 \(no value, as in events of 0 photons\), 2 of 5"
    ):
        check_truth({"energyTruth": energy}, "run.root")
    energy[3:] = np.nan
    with pytest.raises(DataError, match="entry 3 is nan, 2 of 5"):
        check_truth({"energyTruth": energy}, "run.root")


def test_one_valid_reading_is_enough() -> None:
    npho = np.full((3, 4), 1e10)
    npho[0, 0] = np.nan
    with pytest.raises(DataError, match=r"run\.root, branch 'npho': all readings of the first 3 events"):
        check_readings(npho, "run.root")
    npho[2, 3] = 0
    check_readings(npho, Shard(Path("run.root"), 0, 3))
