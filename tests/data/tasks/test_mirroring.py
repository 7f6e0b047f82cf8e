"""Reflections of outputs against points and directions in space, and averages over reflections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xec_data.errors import DataError
from xec_data.simulation import SimulationConfig, simulate_events
from xec_data.tasks.mirroring import mirror_mean, mirror_table
from xec_data.tasks.output import REVERSED, Output, Reflection
from xec_data.tasks.table import TASKS
from xec_data.tasks.task import Task, Truth
from xec_geometry import (
    MIRRORS,
    angles_to_direction,
    direction_to_angles,
    mirrored_vectors,
    uvw_to_xyz,
    xyz_to_uvw,
)


def truths(point: np.ndarray, direction: np.ndarray) -> dict[str, Any]:
    n = len(point)
    return {
        "emiAng": np.column_stack(direction_to_angles(direction, degrees=True)),
        "emiVec": direction,
        "uvwTruth": xyz_to_uvw(point),
        "energyTruth": np.full(n, 0.05),
        "timeTruth": np.full(n, 1e-9),
        "n_gamma": np.ones(n),
    }


@pytest.mark.parametrize("number", range(len(MIRRORS)), ids=MIRRORS)
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_reflections_are_those_of_points_and_directions_in_space(task: Task, number: int) -> None:
    rng = np.random.default_rng(1)
    u, v, w = rng.uniform(-20, 20, 40), rng.uniform(-60, 60, 40), rng.uniform(1, 30, 40)
    point = uvw_to_xyz(np.column_stack([u, v, w]))
    direction = angles_to_direction(rng.uniform(60, 120, 40), rng.uniform(-60, 60, 40), degrees=True)
    before = truths(point, direction)
    after = truths(*(mirrored_vectors(vectors, MIRRORS[number]) for vectors in (point, direction)))
    values, expected = task.true_values(before), task.true_values(after)
    signs, offsets = (table[number] for table in mirror_table(task))
    assert signs.shape == offsets.shape == (task.n_outputs,)
    if task.n_classes:
        assert (signs == 1).all()
        assert (offsets == 0).all()
        signs, offsets = signs[:1], offsets[:1]
    for column, output in enumerate(task.outputs):
        reflected = values[:, column] * signs[column] + offsets[column]
        difference = output.difference(reflected, expected[:, column])
        np.testing.assert_allclose(difference, 0.0, atol=1e-9, err_msg=output.name)
        again = reflected * signs[column] + offsets[column]
        np.testing.assert_allclose(again, values[:, column], atol=1e-12, err_msg=output.name)


@pytest.mark.parametrize("number", range(len(MIRRORS)), ids=MIRRORS)
def test_they_hold_for_simulated_events(number: int) -> None:
    """Branches are filled by the simulation, with its own convention of φ."""
    events = next(simulate_events(SimulationConfig(seed=3), 20))
    point, direction = (mirrored_vectors(events[name], MIRRORS[number]) for name in ("xyzTruth", "emiVec"))
    expected = {
        "uvwFI": xyz_to_uvw(point),
        "angleVec": direction,
        "angle": np.column_stack(direction_to_angles(direction, degrees=True)),
    }
    stored = {"uvwFI": events["uvwTruth"], "angleVec": events["emiVec"]}
    stored["angle"] = np.column_stack(direction_to_angles(events["emiVec"], degrees=True))
    in_file = np.asarray(events["emiAng"], np.float64)
    if in_file.max() < 2 * np.pi:
        in_file = np.rad2deg(in_file)
    np.testing.assert_allclose(in_file, stored["angle"], atol=1e-4)
    for name, values in stored.items():
        signs, offsets = (table[number] for table in mirror_table(TASKS[name]))
        np.testing.assert_allclose(values * signs + offsets, expected[name], atol=2e-4, err_msg=name)


def around(output: Output) -> Task:
    return Task(
        "around", "an angle", (output, Output("other")), Truth(("energyTruth",), lambda _: None), "l1"
    )


def test_reflections_are_their_own_inverse() -> None:
    for z, y in ((Reflection(2.0), None), (Reflection(1.0, 5.0), None), (REVERSED, Reflection(-1.0, 5.0))):
        changes = {"under_z_reflection": z} | ({} if y is None else {"under_y_reflection": y})
        with pytest.raises(
            DataError, match=r"output 'x': reflected twice \(zy?\) a value is not what it was"
        ):
            Output("x", **changes)
    # An azimuth around the x axis: half a turn twice is none.
    half = {"under_z_reflection": Reflection(-1.0, 180.0), "under_y_reflection": REVERSED}
    azimuth = Output("alpha", "deg", residual="angle", **half)
    assert azimuth.reflection("zy") == Reflection(1.0, -180.0)
    with pytest.raises(DataError, match="reflected twice"):
        Output("alpha", "deg", **half)


def test_numbers_are_averaged() -> None:
    values = np.random.default_rng(0).normal(size=(5, 4, 3))
    found = mirror_mean(np, TASKS["uvwFI"], values)
    np.testing.assert_allclose(found, (values[:, 0] + values[:, 1] + values[:, 2] + values[:, 3]) / 4)


def test_probabilities_are_averaged() -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(5), (6, 4))
    found = mirror_mean(np, TASKS["n_gamma"], values)
    np.testing.assert_allclose(found, np.einsum("nmk->nk", values) / 4)
    np.testing.assert_allclose(found.sum(1), 1.0)


@pytest.mark.parametrize("unit", ["deg", "rad"])
def test_angles_are_averaged_along_the_circle(unit: str) -> None:
    full = {"deg": 360.0, "rad": 2 * np.pi}[unit]
    rng = np.random.default_rng(0)
    middle, spread = rng.uniform(-0.5, 0.5, (20, 1)), rng.uniform(0, 0.1, (20, 1))
    # Symmetric about the middle, and in some other turn of the circle.
    turns = middle + spread * np.array([-1.0, -0.3, 0.3, 1.0]) + rng.integers(-1, 2, (20, 4))
    values = np.stack([turns * full, turns], axis=2)
    found = mirror_mean(np, around(Output("phi", unit, residual="angle")), values)
    np.testing.assert_allclose(found[:, 0], middle[:, 0] * full, rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], turns.mean(1), rtol=1e-12)


def test_directions_are_averaged_to_a_vector_of_length_1() -> None:
    values = np.random.default_rng(0).normal([5.0, 0, 0], 1.0, (7, 4, 3))
    values /= np.linalg.norm(values, axis=2, keepdims=True)
    found = mirror_mean(np, TASKS["angleVec"], values)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0)
    np.testing.assert_allclose(np.cross(found, values.sum(1)), 0.0, atol=1e-12)
    assert (found[:, 0] > 0).all()
    opposite = np.stack([values[:, 0], -values[:, 0]], axis=1)
    assert np.isfinite(mirror_mean(np, TASKS["angleVec"], opposite)).all()
