"""Maximization of many likelihoods at once, and inverse information."""

from __future__ import annotations

import numpy as np
import pytest

from xec_models.point_source.fisher_scoring import Expansion, inverse_information, maximize

FREE = (np.full(2, -np.inf), np.full(2, np.inf))


def test_parabolas_have_their_maximum_at_once() -> None:
    centre = np.array([[1.0, -2.0], [30.0, 5.0], [0.0, 0.0]])
    curvature = np.array([[2.0, 0.5], [0.5, 1.0]])
    asked: list[int] = []

    def parabola(events: np.ndarray, at: np.ndarray) -> Expansion:
        asked.append(len(events))
        off = centre[events] - at
        gradient = off @ curvature
        return Expansion(
            -0.5 * (off * gradient).sum(axis=1), gradient, np.broadcast_to(curvature, (len(at), 2, 2)).copy()
        )

    found, converged = maximize(
        parabola, np.zeros((3, 2)), limits=FREE, largest_step=np.full(2, 100.0), tolerance=1e-6, max_steps=20
    )
    np.testing.assert_allclose(found, centre, atol=1e-8)
    assert converged.all()
    assert len(asked) < 6
    assert asked[1] == 2  # the third began at its maximum

    near, _ = maximize(
        parabola,
        np.zeros((3, 2)),
        limits=(np.array([-1.0, -9.0]), np.array([2.0, 9.0])),
        largest_step=np.full(2, 0.5),
        tolerance=1e-6,
        max_steps=3,
    )
    assert near[1, 0] == 1.5  # three steps of the largest length


@pytest.mark.parametrize("steepness", [0.7, 1.0, 2.0])
def test_a_parameter_at_its_limit_leaves_the_others_free(steepness: float) -> None:
    """The constrained maximum of a parabola with the matrix A around c, in closed form.

    Where c₀ is beyond the limit b: x₀ = b, and ∂/∂x₁ = 0 gives x₁ = c₁ + (A₀₁/A₁₁)·(c₀ − b).
    """
    curvature = np.array([[1.0, 0.97], [0.97, 1.0]])
    centre = np.array([[3.0, -2.0], [-4.0, 1.0], [0.5, 7.0], [0.9, -6.0]])
    low, high = np.array([-1.0, -np.inf]), np.array([1.0, np.inf])
    start = np.array([[0.0, 0.0], [-1.0, 9.0], [1.0, -8.0], [-1.0, 2.0]])

    def bent(events: np.ndarray, at: np.ndarray) -> Expansion:
        off = centre[events] - at
        gradient = off @ curvature
        # The information is only near to the curvature, as in fits.
        information = np.tile(curvature * steepness, (len(at), 1, 1))
        return Expansion(-0.5 * (off * gradient).sum(axis=1), gradient, information)

    found, converged = maximize(
        bent, start, limits=(low, high), largest_step=np.full(2, 50.0), tolerance=1e-6, max_steps=100
    )
    there = np.clip(centre[:, 0], -1.0, 1.0)
    expected = np.column_stack([there, centre[:, 1] + 0.97 * (centre[:, 0] - there)])
    assert converged.all()
    np.testing.assert_array_equal(found[:2, 0], [1.0, -1.0])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_not_allowed_is_not_entered() -> None:
    def wall(_: np.ndarray, at: np.ndarray) -> Expansion:
        height = np.where(at[:, 0] > 3.3, -np.inf, at[:, 0])
        return Expansion(height, np.tile([1.0, 0.0], (len(at), 1)), np.tile(np.eye(2), (len(at), 1, 1)))

    found, _ = maximize(
        wall, np.zeros((1, 2)), limits=FREE, largest_step=np.full(2, 1.0), tolerance=1e-3, max_steps=30
    )
    assert 3.0 < found[0, 0] <= 3.3
    assert found[0, 1] == 0.0


def test_the_inverse_is_infinite_where_nothing_is_known() -> None:
    known = np.array([[4.0, 1.0], [1.0, 9.0]]) * np.array([[1.0, 1e9], [1e9, 1e18]])
    nothing_of_one = np.array([[4.0, 0.0], [0.0, 0.0]])
    only_a_sum = np.ones((2, 2))
    first, second, third, none = inverse_information(
        np.stack([known, nothing_of_one, only_a_sum, np.zeros((2, 2))])
    )
    np.testing.assert_allclose(first, np.linalg.inv(known), rtol=1e-10)
    assert second[0, 0] == 0.25
    assert np.isinf(second[1, 1])
    assert np.isinf(np.diag(third)).all()
    assert np.isinf(np.diag(none)).all()
