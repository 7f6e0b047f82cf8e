"""Estimators and bounds for displaced sensors, against the light map that they were given."""

from __future__ import annotations

import numpy as np
from tests.displaced import displaced

from xec_analysis.likelihood.cramer_rao_bound import cramer_rao_bound
from xec_data.simulation.light_map import expected_photons
from xec_geometry import N_SENSORS, uvw_to_xyz
from xec_models.dead_channels.estimators import ESTIMATORS
from xec_models.point_source.light_map_fit import fit_light_map

BUILT = displaced()
UVW = np.array([[4.0, -10.0, 3.0], [-12.0, 30.0, 5.0]])
NPHO = expected_photons(uvw_to_xyz(UVW), 0.05, BUILT)
HIDDEN = np.random.default_rng(1).random(N_SENSORS) < 0.05


def test_a_fit_finds_the_source_with_the_right_geometry() -> None:
    found = fit_light_map(NPHO, np.zeros(N_SENSORS, bool), geometry=BUILT)
    np.testing.assert_allclose(found.uvw, UVW, atol=0.01)
    elsewhere = fit_light_map(NPHO, np.zeros(N_SENSORS, bool))
    assert np.abs(elsewhere.uvw - UVW).max() > 0.02


def test_estimators_of_hidden_sensors_know_the_geometry() -> None:
    bright = HIDDEN & (NPHO > 300)
    for name in ("solid angle", "light map"):
        right = ESTIMATORS[name].in_geometry(BUILT)(NPHO, HIDDEN)
        wrong = ESTIMATORS[name].function(NPHO, HIDDEN)
        errors = [np.abs(found[bright] / NPHO[bright] - 1).mean() for found in (right, wrong)]
        assert errors[0] < 0.5 * errors[1], name


def test_a_bound_depends_on_where_the_sensors_are() -> None:
    here, there = (cramer_rao_bound(UVW, 0.05, geometry=table).sigma for table in (BUILT, None))
    assert (np.abs(here / there - 1) > 1e-3).any()
    np.testing.assert_allclose(here, there, rtol=0.5)
