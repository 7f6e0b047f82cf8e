"""The numbers of a set, for estimates whose quality is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xec_analysis.studies.benchmark.bounds import bound_ratios, bound_rows
from xec_analysis.studies.benchmark.estimates import Estimates
from xec_analysis.studies.benchmark.measurement import dead_losses, measure_set
from xec_analysis.studies.benchmark.truth import SetTruth
from xec_models.regressor.metrics import GAUSSIAN_HALF_WIDTH

N = 4000
EXPECTED = {"θ": 2.0, "φ": 0.5, "energy": 1.0, "time": 50.0, "u": 2.0, "v": 1.5, "w": 5.0}
UNITS = {"θ": "deg", "energy": "%", "time": "ps", "u": "mm", "opening angle": "deg", "distance": "mm"}

Gaussian = Callable[..., Estimates]


@pytest.fixture(scope="module")
def truth(make_truth: Callable[..., SetTruth]) -> SetTruth:
    return make_truth(N)


def test_widths_in_their_units(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    numbers = measure_set(truth, [gaussian_estimates(truth)])
    found = {resolution.quantity: resolution for resolution in numbers.resolutions}
    assert UNITS.items() <= {name: resolution.unit for name, resolution in found.items()}.items()
    for name, width in EXPECTED.items():
        resolution = found[name]
        assert resolution.width.value == pytest.approx(width * GAUSSIAN_HALF_WIDTH, rel=0.06)
        assert resolution.rms.value == pytest.approx(width, rel=0.04)
        assert resolution.bias is not None
        assert abs(resolution.bias.value) < 4 * (resolution.bias.error or np.nan)
        assert [profile.variable for profile in resolution.profiles] == ["w", "energy"]
        for profile in resolution.profiles:
            ratios = np.array([number.value for number in profile.numbers]) / width / GAUSSIAN_HALF_WIDTH
            assert np.all(np.abs(ratios - 1) < 0.25)
    assert found["distance"].bias is None
    assert found["distance"].rms.value == pytest.approx(np.sqrt(2**2 + 1.5**2 + 5**2), rel=0.04)


def test_a_bias_is_no_part_of_the_rms(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    estimates = gaussian_estimates(truth)
    shifted = replace(estimates, values=estimates.values | {"timing": estimates.values["timing"] + 1e-9})
    before, after = (measure_set(truth, [e]).resolutions for e in (estimates, shifted))
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a.quantity == "time"]
    ((a, b),) = pairs
    assert b.bias is not None
    assert a.bias is not None
    assert b.bias.value - a.bias.value == pytest.approx(1000)
    assert b.rms.value == pytest.approx(a.rms.value)


def test_pulls(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    numbers = measure_set(truth, [gaussian_estimates(truth, sigma_factor=2.0)])
    assert [pull.quantity for pull in numbers.pulls] == list(EXPECTED)
    for pull in numbers.pulls:
        assert pull.width.value == pytest.approx(0.5, rel=0.06)
        assert sum(pull.counts) == N
        for profile in pull.profiles:
            assert all(abs(n.value - 0.5) < 5 * (n.error or np.nan) for n in profile.numbers)


def test_events_without_an_estimate_are_counted(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    estimates = gaussian_estimates(truth)
    estimates.values["energy"][:100] = np.nan
    numbers = measure_set(truth, [estimates])
    assert {r.quantity: r.events for r in numbers.resolutions} | {"energy": N - 100} == {
        r.quantity: r.events for r in numbers.resolutions
    }
    estimates.values["energy"][:] = np.nan
    assert "energy" not in {r.quantity for r in measure_set(truth, [estimates]).resolutions}


def test_one_energy_has_no_bins(make_truth: Callable[..., SetTruth], gaussian_estimates: Gaussian) -> None:
    truth = make_truth(500)
    truth.values["energy"][:] = 0.0528
    (resolution, *_) = measure_set(truth, [gaussian_estimates(truth)]).resolutions
    assert [profile.variable for profile in resolution.profiles] == ["w"]


def test_the_loss_by_dead_sensors(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    before, after = gaussian_estimates(truth), gaussian_estimates(truth, factor=1.2)
    losses = {loss.quantity: loss.ratio for loss in dead_losses(truth, [after], truth, [before])}
    for name in EXPECTED:
        # The same noise, scaled: the widths have nothing of their own.
        assert losses[name].value == pytest.approx(1.2)
        assert losses[name].error == pytest.approx(0, abs=1e-6)
    other = gaussian_estimates(truth, seed=1)
    losses = {loss.quantity: loss.ratio for loss in dead_losses(truth, [other], truth, [before])}
    for ratio in losses.values():
        assert abs(ratio.value - 1) < 4 * (ratio.error or np.nan)


def test_the_ratio_to_the_bound(truth: SetTruth, gaussian_estimates: Gaussian) -> None:
    bounds = {task: sigma for task, sigma in gaussian_estimates(truth).sigma.items() if task != "angle"}
    ratios = list(bound_ratios(bounds, truth, [gaussian_estimates(truth, factor=1.5)]))
    assert [ratio.quantity for ratio in ratios] == ["energy", "time", "u", "v", "w"]
    for ratio in ratios:
        assert len(ratio.profile.numbers) == 11
        assert ratio.profile.low[0] == pytest.approx(1, abs=0.1)
        assert ratio.profile.high[-1] == pytest.approx(12, abs=0.1)
        assert ratio.median.value == pytest.approx(1.5, abs=4 * (ratio.median.error or np.nan))
        assert 0 < (ratio.median.error or np.nan) < 0.05


def test_the_bound_as_a_row_is_that_of_an_estimator_that_reaches_it(truth: SetTruth) -> None:
    sigma = {"uvwFI": np.random.default_rng(0).uniform(0.1, 0.5, (N, 3))}
    noise = sigma["uvwFI"] * np.random.default_rng(1).standard_normal((N, 3))
    reached = Estimates("fit", {"uvwFI": truth.values["uvwFI"] + noise}, {})
    rows = {row.quantity: row for row in bound_rows(sigma, truth)}
    for resolution in measure_set(truth, [reached]).resolutions:
        if resolution.quantity in rows:
            bound = rows[resolution.quantity]
            assert bound.width.value == pytest.approx(resolution.width.value, rel=0.06)
            assert bound.rms.value == pytest.approx(resolution.rms.value, rel=0.06)
            assert bound.unit == resolution.unit == "mm"
    assert set(rows) == {"u", "v", "w"}
