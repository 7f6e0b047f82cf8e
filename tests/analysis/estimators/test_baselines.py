"""The conventional estimators, on simulated events."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis import AnalysisError, fit_baselines
from xec_analysis.estimators.baselines import RECIPES
from xec_data.reading.reader import EventReader
from xec_data.tasks.measures import opening_angle
from xec_data.tasks.table import TASKS
from xec_geometry import N_SENSORS
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


def test_unknown_recipes_get_a_hint(training_file):
    with pytest.raises(AnalysisError, match=r"unknown recipe 'simpel' \(did you mean 'simple'\?\)"):
        fit_baselines(training_file, "simpel")
