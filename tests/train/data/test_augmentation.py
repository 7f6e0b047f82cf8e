"""Reflected events: readings and truth belong together, drawn evenly, from torch's own random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from xec_data import TASKS, Output, Task, Truth, expected_photons
from xec_data.schema.branches import INVALID
from xec_geometry import (
    MIRRORS,
    N_SENSORS,
    angles_to_direction,
    direction_to_angles,
    mirrored_sensors,
    uvw_to_xyz,
)
from xec_train.data.augmentation import RandomMirror, drop_channels
from xec_train.data.batch import Batch, truth_key, truth_of, with_derived_truth

REGRESSIONS = [task for task in TASKS.values() if not task.n_classes]


def towards(arrays):
    """Unit vector from the origin to the point."""
    point = uvw_to_xyz(arrays["uvwTruth"])
    return point / np.linalg.norm(point, axis=1, keepdims=True)


SEEN_FROM_ORIGIN = Task(
    "seen", "its direction", tuple(map(Output, ("sx", "sy", "sz"))), Truth(("uvwTruth",), towards), "mse"
)  # fmt: skip


def batch_of_points(n: int) -> Batch:
    """Light of points without noise, where only geometry connects readings and truth."""
    rng = np.random.default_rng(2)
    uvw = rng.uniform([-20, -50, 3], [20, 50, 20], (n, 3))
    theta, phi = rng.uniform(70, 110, n), rng.uniform(-40, 40, n)
    energy = rng.uniform(0.02, 0.06, n)
    photons = expected_photons(uvw_to_xyz(uvw), energy)
    return {
        "npho": torch.from_numpy(photons),
        "time": torch.from_numpy(np.where(photons > 100, 1e-9 * np.arange(N_SENSORS), INVALID)),
        "uvwTruth": torch.from_numpy(uvw),
        "emiAng": torch.from_numpy(np.column_stack([theta, phi])),
        "emiVec": torch.from_numpy(angles_to_direction(theta, phi, degrees=True)),
        "energyTruth": torch.from_numpy(energy),
        "timeTruth": torch.zeros(n, dtype=torch.float64),
        "n_gamma": torch.ones(n, dtype=torch.int32),
        "event": torch.arange(n),
    }


def drawn_mirrors(before: Tensor, after: Tensor) -> list[str]:
    """Which reflection the readings of each event have gone through."""
    found = []
    for old, new in zip(before.numpy(), after.numpy(), strict=True):
        (name,) = [m for m in MIRRORS if np.array_equal(old[mirrored_sensors(m)], new)]
        found.append(name)
    return found


def test_readings_are_those_of_the_reflected_truth() -> None:
    batch = batch_of_points(40)
    mirrored = RandomMirror(True, REGRESSIONS)(dict(batch))
    drawn = drawn_mirrors(batch["npho"], mirrored["npho"])
    assert set(drawn) == set(MIRRORS)
    assert drawn_mirrors(batch["time"], mirrored["time"]) == drawn
    uvw, energy = (truth_of(TASKS[task], mirrored).numpy() for task in ("uvwFI", "energy"))
    expected = expected_photons(uvw_to_xyz(uvw), energy[:, 0])
    # The centre patch is as symmetric as the table of its positions is accurate.
    np.testing.assert_allclose(mirrored["npho"], expected, rtol=1e-3)
    directions = truth_of(TASKS["angleVec"], mirrored).numpy()
    angles = np.column_stack(direction_to_angles(directions, degrees=True))
    np.testing.assert_allclose(truth_of(TASKS["angle"], mirrored), angles, atol=1e-9)
    signs = {"none": [1, 1, 1], "z": [1, 1, -1], "y": [1, -1, 1], "zy": [1, -1, -1]}
    np.testing.assert_allclose(
        directions, batch["emiVec"].numpy() * np.array([signs[name] for name in drawn])
    )
    assert torch.equal(mirrored["event"], batch["event"])


def test_truth_that_a_function_derives_is_reflected_as_its_outputs_say() -> None:
    """One that says nothing is taken as unchanged."""
    task = SEEN_FROM_ORIGIN
    said = Task(
        "said", "the same", tuple(
            Output(f"s{name}", **{f"under_{plane}_reflection": TASKS["uvwFI"].outputs[0].under_z_reflection
                                  for plane in planes})
            for name, planes in (("x", ""), ("y", "y"), ("z", "z"))
        ), task.truth, "mse",
    )  # fmt: skip
    batch = with_derived_truth(batch_of_points(12), [task, said])
    mirrored = RandomMirror(True, [TASKS["uvwFI"], task, said])(dict(batch))
    assert torch.equal(truth_of(task, mirrored), truth_of(task, batch))
    moved = towards({"uvwTruth": truth_of(TASKS["uvwFI"], mirrored).numpy()})
    np.testing.assert_allclose(truth_of(said, mirrored), moved, rtol=1e-5)
    assert not np.allclose(truth_of(said, mirrored), truth_of(said, batch))


def test_tasks_of_one_branch_are_reflected_once() -> None:
    twin = Task("twin", "the same", TASKS["uvwFI"].outputs, Truth(("uvwTruth",)), "mse")
    batch = batch_of_points(8)
    mirrored = RandomMirror(True, [TASKS["uvwFI"], twin])(dict(batch))
    assert torch.equal(truth_of(twin, mirrored), truth_of(TASKS["uvwFI"], mirrored))
    drawn = drawn_mirrors(batch["npho"], mirrored["npho"])
    changed = mirrored[truth_key("twin")][:, 0] != batch["uvwTruth"][:, 0]
    assert changed.tolist() == ["z" in name for name in drawn]


def test_branches_of_the_events_before_are_gone() -> None:
    batch = batch_of_points(3)
    mirrored = RandomMirror(True, [TASKS["uvwFI"]])(dict(batch))
    assert mirrored.keys() == batch.keys() - {"uvwTruth"} | {truth_key("uvwFI")}


def test_classes_and_types_stay() -> None:
    batch = {name: values.float() if values.is_floating_point() else values
             for name, values in batch_of_points(8).items()}  # fmt: skip
    mirrored = RandomMirror(True, TASKS.values())(dict(batch))
    assert mirrored[truth_key("n_gamma")].dtype == torch.int32
    assert (mirrored[truth_key("n_gamma")] == 1).all()
    assert {mirrored[truth_key(task.name)].dtype for task in REGRESSIONS} == {torch.float32}
    assert mirrored["npho"].dtype == torch.float32


def test_each_plane_reflects_half_of_the_events_independently() -> None:
    n = 4000
    marked = torch.zeros(n, N_SENSORS, dtype=torch.uint8)
    marked[:, 0] = 1
    mirrored = RandomMirror(True)({"npho": marked, "time": marked})["npho"]
    # In which corner of the inner face the mark of every event is.
    counts = {name: int(mirrored[:, mirrored_sensors(name)[0]].sum()) for name in MIRRORS}
    assert sum(counts.values()) == n
    for count in counts.values():
        assert abs(count - n / 4) < 5 * (n * 3 / 16) ** 0.5


def test_random_numbers_are_those_of_the_process() -> None:
    batch = batch_of_points(16)
    torch.manual_seed(3)
    first, second = (RandomMirror(True)(dict(batch))["npho"] for _ in range(2))
    torch.manual_seed(3)
    assert torch.equal(RandomMirror(True)(dict(batch))["npho"], first)
    assert not torch.equal(first, second)


def test_switched_off_it_does_nothing_and_draws_nothing() -> None:
    batch = batch_of_points(2)
    state = torch.get_rng_state()
    assert RandomMirror(False, REGRESSIONS)(batch) is batch
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("rate", [0.0, 0.25])
def test_dropped_channels_are_invalid(rate: float) -> None:
    batch = {"npho": torch.ones(20, N_SENSORS), "time": torch.ones(20, N_SENSORS)}
    dropped = drop_channels(batch, rate)["npho"] == INVALID
    assert torch.equal(dropped, batch["time"] == INVALID)
    assert float(dropped.double().mean()) == pytest.approx(rate, abs=0.01)
