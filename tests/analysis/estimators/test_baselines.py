"""The conventional estimators, on simulated events."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis import AnalysisError, fit_baselines
from xec_analysis.estimators.baselines import RECIPES
from xec_analysis.estimators.light_start_times import first_time, path_corrected_time
from xec_analysis.estimators.polynomial import Polynomial
from xec_data.reading.reader import EventReader
from xec_data.tasks.measures import opening_angle
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS, sensor_positions
from xec_models.regressor.metrics import half_width_68, percentile_68

TRUTH = ("uvwTruth", "energyTruth", "timeTruth", "emiAng")


# How many times narrower than a constant's the residuals are at least, for each recipe.
BETTER = {
    "simple": {"u": 8, "v": 25, "w": 1.3, "energy": 3, "timing": 1.5},
    "refined": {"u": 30, "v": 100, "w": 2.5, "energy": 20, "timing": 2},
}


@pytest.fixture(scope="module", params=list(RECIPES))
def baselines(request, training_file):
    return fit_baselines(training_file, request.param)


@pytest.fixture(scope="module")
def events(events_file):
    (chunk,) = EventReader(events_file, ("npho", "time", *TRUTH), chunk_size=1000)
    return chunk


@pytest.fixture(scope="module")
def estimates(baselines, events):
    return baselines.predict(events)


def constant_width(truth):
    """Width of the best predictor that does not look at the event."""
    return half_width_68(truth - np.median(truth))


def test_every_quantity_is_found_better_than_by_a_constant(baselines, estimates, events):
    truth = {task: TASKS[task].true_values(events).astype(np.float64) for task in estimates}
    factors = BETTER[next(name for name, recipe in RECIPES.items() if recipe is baselines.recipe)]
    for task, outputs in (("uvwFI", "uvw"), ("energy", ["energy"]), ("timing", ["timing"])):
        for k, output in enumerate(outputs):
            width = half_width_68(estimates[task][:, k] - truth[task][:, k])
            assert width < constant_width(truth[task][:, k]) / factors[output], output
    angle = percentile_68(opening_angle(estimates["angle"], truth["angle"]))
    # The beam spot on the slanted target, ±3.7 cm along z, seen from 65 cm.
    assert angle < 4.5


def test_nothing_is_biased(estimates, events):
    residual = estimates["uvwFI"] - events["uvwTruth"]
    assert np.abs(np.median(residual, axis=0)).max() < 0.5
    relative = estimates["energy"][:, 0] / events["energyTruth"] - 1
    assert abs(np.median(relative)) < 0.03


def test_dead_sensors_do_little_harm_to_the_refined_ones(training_file, events):
    baselines = fit_baselines(training_file)
    estimates = baselines.predict(events)
    npho = events["npho"].copy()
    npho[:, np.random.default_rng(0).choice(N_SENSORS, N_SENSORS // 20, replace=False)] = np.nan
    harmed = baselines.predict({"npho": npho, "time": events["time"]})
    before = half_width_68(estimates["uvwFI"][:, 1] - events["uvwTruth"][:, 1])
    after = half_width_68(harmed["uvwFI"][:, 1] - events["uvwTruth"][:, 1])
    assert after < 1.3 * before
    ratio = harmed["energy"] / estimates["energy"]
    assert np.abs(np.median(ratio) - 1) < 0.01


def test_an_event_without_readings_is_nan(baselines):
    nothing = np.full((3, N_SENSORS), 1e10, dtype=np.float32)
    for values in baselines.predict({"npho": nothing, "time": nothing}).values():
        assert np.isnan(values).all()


def test_shapes_are_those_of_the_tasks(estimates, events):
    n = len(events)
    shapes = {task: values.shape for task, values in estimates.items()}
    assert shapes == {"angle": (n, 2), "energy": (n, 1), "timing": (n, 1), "uvwFI": (n, 3)}


def test_calibrations_use_the_events_asked_for(training_file):
    assert fit_baselines(training_file, max_events=300).n_events == 300


def test_too_few_events_to_calibrate_with(training_file):
    with pytest.raises(AnalysisError, match=r"20 of 20 events have light .* expected at least 50"):
        fit_baselines(training_file, max_events=20)


def test_a_flash_at_a_point_gives_its_time():
    point = np.array([[-70.0, 5.0, 3.0]])
    speed = 2.99792458e10 / 1.65
    time = 4e-9 + np.linalg.norm(sensor_positions() - point, axis=1) / speed
    npho = np.full((1, N_SENSORS), 1000.0)
    bad = np.random.default_rng(0).choice(N_SENSORS, 2000, replace=False)
    time[bad[:1000]] = 1e10
    npho[0, bad[1000:]] = 10.0
    time[bad[1000:]] += 5e-9
    assert path_corrected_time(npho, time[np.newaxis], point)[0] == pytest.approx(4e-9, abs=1e-14)


@pytest.mark.parametrize("measure", [first_time, path_corrected_time])
def test_no_bright_sensor_no_time(measure):
    npho, time = np.full((1, N_SENSORS), 299.0), np.zeros((1, N_SENSORS))
    assert np.isnan(measure(npho, time, np.array([[-70.0, 0.0, 0.0]])))[0]


def test_first_times_are_the_earliest_ones():
    point = np.array([[-70.0, 0.0, 0.0]])
    speed = 2.99792458e10 / 1.65
    time = np.linalg.norm(sensor_positions() - point, axis=1) / speed + 1e-7
    time[:20] -= np.linspace(1e-9, 3e-9, 20)
    npho = np.full((1, N_SENSORS), 1000.0)
    assert first_time(npho, time[np.newaxis], point)[0] == pytest.approx(1e-7 - 2e-9, abs=1e-14)
    # A reading earlier than all, but too dim to be trusted.
    npho[0, 50], time[50] = 100.0, 0.0
    assert first_time(npho, time[np.newaxis], point)[0] == pytest.approx(1e-7 - 2e-9, abs=1e-14)


def test_unknown_recipes_get_a_hint(training_file):
    with pytest.raises(AnalysisError, match=r"unknown recipe 'simpel' \(did you mean 'simple'\?\)"):
        fit_baselines(training_file, "simpel")


def test_polynomials_reproduce_what_they_can():
    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 3.0, (200, 2))
    target = 1 + 2 * x[:, 0] - 0.5 * x[:, 0] * x[:, 1] + 0.1 * x[:, 1] ** 3
    np.testing.assert_allclose(Polynomial.fit(x, target, degree=3)(x), target, atol=1e-9)
    factor = rng.uniform(1, 5, 200)
    relative = Polynomial.fit(x, factor * (300 + x[:, 0]), degree=1, factor=factor)
    np.testing.assert_allclose(relative(x), 300 + x[:, 0])


def test_a_variable_with_one_value_is_no_problem():
    x = np.column_stack([np.linspace(0, 1, 50), np.full(50, 3.0)])
    np.testing.assert_allclose(Polynomial.fit(x, 5 * x[:, 0], degree=2)(x), 5 * x[:, 0], atol=1e-9)
