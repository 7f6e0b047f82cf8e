"""The table of branches."""

from __future__ import annotations

import numpy as np
import pytest

from xec_data.schema.branches import (
    ID_BRANCHES,
    INVALID,
    MEASURED_TRUTH,
    RECO_BRANCHES,
    SCHEMA,
    SENSOR_BRANCHES,
    SIMULATED_TRUTH,
    TRUTH_BRANCHES,
    is_invalid,
)


def test_every_group_names_branches_of_the_table() -> None:
    grouped = (*SENSOR_BRANCHES, *TRUTH_BRANCHES, *RECO_BRANCHES, *ID_BRANCHES, "dead")
    assert sorted(grouped) == sorted(SCHEMA)


def test_truth_is_of_a_simulation_or_measured_but_for_the_number_of_photons() -> None:
    assert sorted((*SIMULATED_TRUTH, *MEASURED_TRUTH, "n_gamma")) == sorted(TRUTH_BRANCHES)


def test_no_stored_name_means_two_things() -> None:
    names = [name for branch in SCHEMA.values() for name in {branch.name, *branch.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("value", [INVALID, -INVALID, 9.1e9, np.nan, np.inf, -np.inf])
def test_invalid_readings(value: float) -> None:
    assert is_invalid(np.float32(value))


def test_valid_readings() -> None:
    assert not is_invalid(np.array([0.0, -3.5, 8.9e9, -8.9e9, 1e-12])).any()
    assert not is_invalid(np.array([0, 4])).any()
