"""Fits of lines return the truth within their errors, and fail where there is no line."""

from __future__ import annotations

import numpy as np
import pytest

from xec_analysis import AnalysisError
from xec_analysis.fitting.line_fit import fit_line
from xec_analysis.fitting.line_models import LINE_MODELS, LineModel, ShapeParameter
from xec_analysis.fitting.tailed_gaussian import draw_samples

LINE = 0.0549
WINDOW = (0.8 * LINE, 1.15 * LINE)
PEAK, SIGMA, TAIL = 1.004 * LINE, 0.02 * LINE, 0.9


def toy(n, seed, tail=TAIL):
    return draw_samples(np.random.default_rng(seed), n, PEAK, SIGMA, tail, WINDOW)


def pulls(model, method, n_events, n_toys, background=0.0, tail=TAIL):
    """(toys, 2) pulls of peak and σ/E, and the probabilities of χ²."""
    found, probability = [], []
    for seed in range(n_toys):
        x = toy(n_events, seed, tail)
        rng = np.random.default_rng(10_000 + seed)
        x = np.where(rng.random(n_events) < background, rng.uniform(*WINDOW, n_events), x)
        fit = fit_line(x, LINE, LINE_MODELS[model], WINDOW, method=method)
        assert fit.is_good, fit.status
        peak, relative = fit.peak, fit.relative_sigma
        found.append([(peak.value - PEAK) / peak.error, (relative.value - SIGMA / PEAK) / relative.error])
        probability.append(fit.probability)
    return np.array(found), np.array(probability)


@pytest.mark.parametrize(
    ("model", "method", "background"),
    [
        ("tailed_gaussian", "unbinned", 0.0),
        ("tailed_gaussian", "binned", 0.0),
        ("tailed_gaussian_flat", "unbinned", 0.1),
    ],
)
def test_pulls_have_mean_0_and_width_1(model, method, background):
    n_toys = 160
    values, probability = pulls(model, method, 2000, n_toys, background)
    # Three standard errors; the maximum of the likelihood is biased by about 1/√events of an error.
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=3 / np.sqrt(n_toys) + 0.03)
    np.testing.assert_allclose(values.std(axis=0), 1.0, atol=3 / np.sqrt(2 * n_toys))
    # Probabilities of χ² are uniform: mean 1/2, spread 1/√12.
    assert probability.mean() == pytest.approx(0.5, abs=3 / np.sqrt(12 * n_toys) + 0.02)


def test_pulls_of_events_that_have_lost_energy():
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = rng.normal(PEAK, 0.012 * LINE, 2000)
        values -= np.where(rng.random(2000) < 0.25, rng.exponential(0.05 * LINE, 2000), 0.0)
        fit = fit_line(values, LINE, LINE_MODELS["leaking_gaussian"], WINDOW)
        truth = (PEAK, 0.012 * LINE / PEAK, 0.25, 0.05)
        numbers = (fit.peak, fit.relative_sigma, fit.shape("leakage"), fit.shape("loss"))
        found.append([(x.value - true) / x.error for x, true in zip(numbers, truth, strict=True)])
        # A tail that has nothing to do with the core is none of the other shape.
        assert fit_line(values, LINE, LINE_MODELS["tailed_gaussian"], WINDOW).status == "poor"
    # The share is one of all events, some of which are below the window.
    np.testing.assert_allclose(np.mean(found, axis=0), 0.0, atol=3 / np.sqrt(60) + 0.1)
    np.testing.assert_allclose(np.std(found, axis=0), 1.0, atol=3 / np.sqrt(120))


def test_a_line_without_a_leak_tells_no_loss():
    values = np.random.default_rng(2).normal(PEAK, SIGMA, 1500)
    fit = fit_line(values, LINE, LINE_MODELS["leaking_gaussian"], WINDOW)
    assert fit.is_good, fit.status
    assert (fit.shape("leakage").value, fit.shape("leakage").error) == (0.0, None)
    assert fit.shape("loss") is None
    assert fit.relative_sigma.value == pytest.approx(values.std() / values.mean(), rel=1e-2)


def test_what_the_data_do_not_determine_is_no_number():
    # Losses that are small beside σ shift and widen the line, and cannot be told from it.
    values = np.random.default_rng(1).normal(PEAK, SIGMA, 1500)
    fit = fit_line(values, LINE, LINE_MODELS["leaking_gaussian"], WINDOW)
    assert fit.is_good, fit.status
    assert fit.shape("leakage").error is None
    assert fit.shape("loss") is None


def test_a_gaussian_has_no_tail_and_the_fit_says_so():
    values = np.random.default_rng(2).normal(PEAK, SIGMA, 3000)
    fit = fit_line(values, LINE, LINE_MODELS["tailed_gaussian"], WINDOW)
    assert fit.is_good
    tail = fit.shape("tail")
    assert tail.value > 2.5
    assert fit.relative_sigma.value == pytest.approx(SIGMA / PEAK, abs=3 * fit.relative_sigma.error)
    # A Gaussian of 3000 events: σ/√(2n).
    assert fit.relative_sigma.error == pytest.approx(SIGMA / PEAK / np.sqrt(6000), rel=0.15)
    alone = fit_line(values, LINE, LINE_MODELS["gaussian"], WINDOW)
    assert fit.peak.value == pytest.approx(alone.peak.value, abs=0.3 * alone.peak.error)


def test_many_energies_are_fitted_in_bins_with_the_same_result():
    values = toy(30_000, 1)
    auto = fit_line(values, LINE, LINE_MODELS["tailed_gaussian"], WINDOW)
    unbinned = fit_line(values, LINE, LINE_MODELS["tailed_gaussian"], WINDOW, method="unbinned")
    assert auto.values != unbinned.values
    for ours, theirs in ((auto.peak, unbinned.peak), (auto.relative_sigma, unbinned.relative_sigma)):
        assert ours.value == pytest.approx(theirs.value, abs=0.2 * theirs.error)
        assert ours.error == pytest.approx(theirs.error, rel=0.03)


def test_the_unit_of_energies_does_not_matter():
    values = toy(1000, 4)
    gev, mev = (
        fit_line(k * values, k * LINE, LINE_MODELS["tailed_gaussian"], (k * WINDOW[0], k * WINDOW[1]))
        for k in (1.0, 1e3)
    )
    assert mev.peak.value == pytest.approx(1e3 * gev.peak.value, rel=1e-6)
    assert mev.relative_sigma.value == pytest.approx(gev.relative_sigma.value, rel=1e-4)


def test_events_expected_in_bins_add_up():
    fit = fit_line(toy(1500, 5), LINE, LINE_MODELS["tailed_gaussian"], WINDOW)
    assert fit.expected(np.linspace(*WINDOW, 37)).sum() == pytest.approx(1500)


def rising(rng):
    return WINDOW[0] + (WINDOW[1] - WINDOW[0]) * np.sqrt(rng.random(2000))


NO_LINES = {
    "no events": lambda rng: np.zeros(0),
    "too few events": lambda rng: rng.normal(PEAK, SIGMA, 30),
    "flat": lambda rng: rng.uniform(*WINDOW, 2000),
    "falling": lambda rng: WINDOW[0] + rng.exponential(0.05 * LINE, 2000),
    "rising": rising,
    "one value": lambda rng: np.full(500, PEAK),
    "two values": lambda rng: rng.choice([0.9 * LINE, LINE], 500),
}


@pytest.mark.parametrize("name", NO_LINES)
@pytest.mark.parametrize("model", LINE_MODELS)
def test_what_is_no_line_gives_no_number(name, model):
    fit = fit_line(NO_LINES[name](np.random.default_rng(8)), LINE, LINE_MODELS[model], WINDOW)
    if name == "two values" and model == "gaussian":
        assert fit.status == "poor"
        return
    assert fit.status.startswith("failed: ")
    assert fit.peak is None
    assert fit.relative_sigma is None


def test_a_wrong_shape_is_called_poor():
    rng = np.random.default_rng(9)
    two_lines = np.concatenate([toy(3000, 6), rng.normal(0.9 * LINE, 0.01 * LINE, 1500)])
    fit = fit_line(two_lines, LINE, LINE_MODELS["tailed_gaussian"], WINDOW)
    assert fit.failure or fit.status == "poor"


def test_a_model_of_another_package():
    """A triangle, whose half base is the only width."""

    def log_density(x, _window, values):
        z = np.abs(x - values[0]) / values[1]
        return np.log(np.maximum(1 - z, 1e-9) / values[1])

    def cumulative(x, _window, values):
        z = np.clip((x - values[0]) / values[1], -1, 1)
        return 0.5 + z - np.sign(z) * z**2 / 2

    model = LineModel("triangle", "a triangle", log_density, cumulative)
    LINE_MODELS.register(model)
    try:
        values = np.random.default_rng(4).triangular(0.9, 1.0, 1.1, 4000) * LINE
        fit = fit_line(values, LINE, LINE_MODELS["triangle"], WINDOW, method="binned")
        assert fit.is_good, fit.status
        assert fit.peak.value == pytest.approx(LINE, abs=5 * fit.peak.error)
        assert fit.values[1] == pytest.approx(0.1, rel=0.05)
        assert fit.model.parameters == ("peak", "sigma")
    finally:
        LINE_MODELS.unregister("triangle")
    with pytest.raises(AnalysisError, match="expected an object of"):
        LINE_MODELS.register(ShapeParameter("tail", 0, 1, (0.5,)))
