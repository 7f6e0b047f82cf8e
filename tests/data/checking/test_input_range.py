"""Whether events look like those of a training: units decide, not names."""

from __future__ import annotations

import numpy as np
import pytest

from xec_data.checking.input_range import (
    NOTED,
    QUANTITIES,
    REFUSED,
    InputComparison,
    event_quantities,
    measure_range,
)
from xec_geometry import N_SENSORS


def readings(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    npho = rng.exponential(50, (n, N_SENSORS)) * rng.uniform(0.5, 2, (n, 1))
    time = rng.normal(3e-9, 1e-9, (n, N_SENSORS)) - rng.uniform(0, 2e-9, (n, 1))
    return npho.astype(np.float32), np.where(npho > 30, time, 1e10).astype(np.float32)


@pytest.fixture(scope="module")
def ranges() -> dict[str, tuple[float, float]]:
    return measure_range([event_quantities(*readings(300))], absolute_times=True)


def test_quantities_of_an_event() -> None:
    npho, time = np.zeros((2, N_SENSORS), np.float32), np.full((2, N_SENSORS), 1e10, np.float32)
    npho[0, 3:5] = 1e10, np.nan
    npho[0, [0, 7, 14]], time[0, [0, 7, 14]] = (10, 20, 30), (1e-9, 2e-9, 4e-9)
    npho[1] = np.inf
    found = event_quantities(npho, time)
    assert tuple(found) == tuple(QUANTITIES)
    np.testing.assert_allclose(found["light"], [60, np.nan])
    np.testing.assert_allclose(found["brightest"], [30, np.nan])
    np.testing.assert_allclose(found["time"], [2e-9, np.nan], rtol=1e-6)
    assert found["spread"][0] == pytest.approx(1.5e-9, rel=1e-6)


def test_quantities_agree_with_numpy() -> None:
    npho, time = readings(20, seed=3)
    found = event_quantities(npho, time)
    for event in range(20):
        some = time[event, ::7]
        valid = some[np.abs(some) < 9e9].astype(np.float64)
        low, middle, high = np.quantile(valid, [0.16, 0.5, 0.84], method="nearest")
        assert found["time"][event] == pytest.approx(middle, abs=3e-12)
        assert found["spread"][event] == pytest.approx((high - low) / 2, abs=3e-12)


def test_events_of_the_same_kind_are_usual(ranges: dict[str, tuple[float, float]]) -> None:
    comparison = InputComparison(ranges)
    comparison.add(*readings(300, seed=1))
    assert comparison.n_events == 300
    assert comparison.fraction < NOTED


@pytest.mark.parametrize(
    ("light", "shift", "factor", "named"),
    [
        (1e-3, 0.0, 1.0, "light"),
        (20.0, 0.0, 1.0, "light"),
        (1.0, 6e-7, 1.0, "median of the times"),
        (1.0, 0.0, 1e3, "spread of the times"),
    ],
)
def test_other_units_are_unusual(
    light: float, shift: float, factor: float, named: str, ranges: dict[str, tuple[float, float]]
) -> None:
    npho, time = readings(100, seed=1)
    comparison = InputComparison(ranges)
    comparison.add(npho * np.float32(light), np.where(time < 1, time * factor + shift, time))
    assert comparison.fraction > REFUSED
    assert f"unlike those of the training in their {named}" in comparison.describe()


def test_a_shift_of_all_times_matters_only_where_it_is_looked_at() -> None:
    npho, time = readings(100)
    ranges = measure_range([event_quantities(npho, time)], absolute_times=False)
    assert "time" not in ranges
    comparison = InputComparison(ranges)
    comparison.add(npho, np.where(time < 1, time + np.float32(5e-7), time))
    # Single precision: 5e-7 s are known to 3e-14 s.
    assert comparison.fraction < NOTED


def test_events_without_a_reading_do_not_count(ranges: dict[str, tuple[float, float]]) -> None:
    comparison = InputComparison(ranges)
    comparison.add(np.full((3, N_SENSORS), 1e10), np.full((3, N_SENSORS), 1e10))
    assert comparison.n_events == 0
    assert comparison.fraction == 0
    assert comparison.describe() == ""
