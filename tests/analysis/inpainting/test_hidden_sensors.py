"""Hidden sensors: exactly as many as asked for, never a dead one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting.hidden_sensors import HealthySensors, PseudoExperiment, choose_validation
from xec_data.dead_channels.sources import write_dead_channels
from xec_geometry import FACES, N_SENSORS, face_ids


@pytest.fixture(scope="module")
def npho() -> np.ndarray:
    npho = np.random.default_rng(0).uniform(1, 100, (30, N_SENSORS)).astype(np.float32)
    npho[:, face_ids("top")[:40]] = 1e10
    npho[3, face_ids("us")] = np.nan
    npho[4, face_ids("ds")[1:]] = 1e10
    return npho


class ByRun:
    """Sensor 100 + run is dead."""

    def dead(self, run: int | None = None) -> np.ndarray:
        dead = np.zeros(N_SENSORS, dtype=bool)
        dead[100 + (run or 0)] = True
        return dead


def test_the_list_is_hidden_where_there_is_a_reading(npho: np.ndarray) -> None:
    listed = np.zeros(N_SENSORS, dtype=bool)
    listed[[5, 9, face_ids("top")[0]]] = True
    hidden, dead = PseudoExperiment(listed).hide(npho, None)
    assert np.flatnonzero(hidden.all(axis=0)).tolist() == [5, 9]
    assert hidden.sum() == 2 * len(npho)
    np.testing.assert_array_equal(dead, ~(npho < 9e9))


def test_the_same_part_of_every_face(npho: np.ndarray) -> None:
    hidden, dead = HealthySensors(0.1, seed=3).hide(npho, None)
    assert not (hidden & dead).any()
    for face in FACES:
        ids = face_ids(face)
        healthy = (~dead[:, ids]).sum(axis=1)
        expected = np.where(healthy > 1, np.maximum(np.rint(0.1 * healthy), 1), 0)
        np.testing.assert_array_equal(hidden[:, ids].sum(axis=1), expected)
    # Every sensor has its turn.
    often = HealthySensors(0.5).hide(np.ones((200, N_SENSORS), np.float32), None)[0].mean(axis=0)
    assert np.abs(often - 0.5).max() < 5 * 0.5 / np.sqrt(200)


def test_chunks_of_any_size_hide_the_same(npho: np.ndarray) -> None:
    together = HealthySensors(0.05, seed=1).hide(npho, None)[0]
    piecewise = HealthySensors(0.05, seed=1)
    parts = [piecewise.hide(npho[part], None)[0] for part in (slice(0, 7), slice(7, 8), slice(8, 30))]
    np.testing.assert_array_equal(np.concatenate(parts), together)
    assert (together != HealthySensors(0.05, seed=2).hide(npho, None)[0]).any()


def test_dead_channels_are_those_of_the_run(npho: np.ndarray) -> None:
    runs = np.repeat([1, 2], 15)
    _, dead = HealthySensors(0.05, source=ByRun()).hide(npho, runs)
    assert dead[runs == 1, 101].all()
    assert not dead[runs == 1, 102].any()
    assert dead[runs == 2, 102].all()
    assert HealthySensors(0.05, source=ByRun()).hide(npho, None)[1][:, 100].all()


def test_what_is_chosen(events_file: Path, tmp_path: Path, write_tree: Callable[..., Path]) -> None:
    dead = write_dead_channels(tmp_path / "dead.txt", np.arange(N_SENSORS) == 5)
    real = write_tree(tmp_path / "real.root", {"npho": np.ones((2, N_SENSORS), np.float32)})

    def choose(name: str, file: Path, source: Path | None) -> str:
        given = None if source is None else str(source)
        return type(choose_validation(name, [file], given, fraction=0.1, seed=0)).__name__

    assert choose("auto", events_file, dead) == "PseudoExperiment"
    assert choose("auto", events_file, None) == "HealthySensors"
    assert choose("auto", real, dead) == "HealthySensors"
    assert choose("pseudo", real, dead) == "PseudoExperiment"
    assert choose("data", events_file, dead) == "HealthySensors"
    # A list in the file itself.
    assert choose("pseudo", events_file, events_file) == "PseudoExperiment"


def test_what_cannot_be_chosen(events_file: Path, tmp_path: Path) -> None:
    none = write_dead_channels(tmp_path / "none.txt", np.zeros(N_SENSORS, bool))
    for name, source, fraction, message in (
        ("pseduo", None, 0.1, r"unknown validation 'pseduo' \(did you mean 'pseudo'\?\)"),
        ("pseudo", None, 0.1, "needs dead channels to hide: --dead SOURCE"),
        ("pseudo", str(none), 0.1, "not one dead channel in it"),
        ("data", None, 1.0, "expected 0 < fraction < 1"),
    ):
        with pytest.raises(AnalysisError, match=message):
            choose_validation(name, [events_file], source, fraction=fraction, seed=0)
