"""Weights of events: flat where they should be, safe in empty bins, the same when a training goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.train.made_up import events_with

from xec_data.reading.reader import EventReader
from xec_data.schema.branches import SENSOR_BRANCHES
from xec_geometry import N_SENSORS
from xec_train.config.train_config import TrainConfig
from xec_train.data.events import Events, open_events
from xec_train.engine.train_loop import TrainLoop
from xec_train.errors import TrainError
from xec_train.objectives.event_weights import FILE_NAME, EventWeights
from xec_train.regression.objective import Regression
from xec_train.regression.reweighting import fit_task_weights
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
QUICK = ("checkpoint.save_artifacts=false", "training.epochs=2")


@pytest.fixture
def falling() -> np.ndarray:
    """A spectrum that falls steeply, float32 as files have it."""
    return np.random.default_rng(0).exponential(0.01, (5000, 1)).astype(np.float32)


def weights_of(truth: np.ndarray, bins: dict[int, int]) -> tuple[EventWeights, np.ndarray]:
    table = EventWeights.fit(truth, bins)
    return table, table.of(torch.from_numpy(truth)).numpy().astype(np.float64)


class TestHistogram:
    def test_the_weighted_spectrum_is_flat(self, falling: np.ndarray) -> None:
        _, weights = weights_of(falling, {0: 8})
        # numpy's own histogram is the oracle.
        filled = np.histogram(falling[:, 0].astype(np.float64), 8)[0] > 0
        total = np.histogram(falling[:, 0].astype(np.float64), 8, weights=weights)[0]
        np.testing.assert_allclose(total[filled], len(falling) / filled.sum(), rtol=1e-4)

    def test_angles_are_flat_in_both_at_once(self) -> None:
        rng = np.random.default_rng(1)
        truth = np.stack([rng.normal(90, 8, 4000), rng.triangular(-40, 30, 40, 4000)], axis=1)
        _, weights = weights_of(truth, {0: 5, 1: 4})
        counts, *edges = np.histogram2d(*truth.T, bins=(5, 4))
        total = np.histogram2d(*truth.T, bins=edges, weights=weights)[0]
        np.testing.assert_allclose(total[counts > 0], len(truth) / (counts > 0).sum(), rtol=1e-5)

    def test_only_the_wanted_column_counts(self) -> None:
        rng = np.random.default_rng(2)
        truth = np.stack([rng.exponential(1.0, 500), rng.uniform(size=500)], axis=1)
        _, both = weights_of(truth, {0: 6})
        _, alone = weights_of(truth[:, :1], {0: 6})
        np.testing.assert_array_equal(both, alone)

    @pytest.mark.parametrize("bins", [{0: 1}, {0: 7}, {0: 30}, {0: 3000}])
    def test_the_mean_is_one(self, falling: np.ndarray, bins: dict[int, int]) -> None:
        _, weights = weights_of(falling, bins)
        assert weights.mean() == pytest.approx(1.0, rel=1e-5)
        assert np.all(np.isfinite(weights))

    def test_position_in_three_dimensions(self) -> None:
        truth = np.random.default_rng(3).normal(size=(2000, 3))
        table, weights = weights_of(truth, {0: 4, 1: 3, 2: 5})
        assert table.weights.shape == (4, 3, 5)
        counts, edges = np.histogramdd(truth, bins=(4, 3, 5))
        total = np.histogramdd(truth, bins=edges, weights=weights)[0]
        np.testing.assert_allclose(total[counts > 0], len(truth) / (counts > 0).sum(), rtol=1e-5)

    def test_empty_bins_weigh_one(self) -> None:
        table, weights = weights_of(np.array([[0.0], [0.1], [10.0]]), {0: 10})
        np.testing.assert_allclose(weights, [0.75, 0.75, 1.5])
        assert table.of(torch.tensor([[5.0]])).tolist() == [1.0]

    def test_events_beyond_the_histogram_belong_to_its_edge(self, falling: np.ndarray) -> None:
        table, _ = weights_of(falling, {0: 4})
        outside = table.of(torch.tensor([[-1.0], [1e3]])).tolist()
        assert outside == pytest.approx([table.weights[0], table.weights[-1]])

    def test_a_constant(self) -> None:
        _, weights = weights_of(np.full((7, 1), 3.0), {0: 30})
        np.testing.assert_array_equal(weights, 1.0)


def test_depth_has_as_many_bins_as_u_unless_stated(configure: Configure) -> None:
    stated = ("reweighting.uvwFI.nbins_2d=[7, 9]", "--tasks=uvwFI", "reweighting.uvwFI.enabled=true")
    for change, depth in (((), 7), (("reweighting.uvwFI.nbins=3",), 3)):
        section = configure(*stated, *change).reweighting.enabled["uvwFI"]
        assert section.bins == {0: 7, 1: 9, 2: depth}


class TestFile:
    def test_only_truth_is_read(
        self, configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        read: list[tuple[str, ...]] = []
        original = EventReader.read

        def spy(reader: EventReader, shard: Any) -> Any:
            read.append(reader.branches)
            return original(reader, shard)

        monkeypatch.setattr(EventReader, "read", spy)
        config = configure("--tasks=energy", "reweighting.energy.enabled=true")
        events = open_events(config.data.train_path, ["energyTruth"], config.data)
        Regression(config).fit_event_weights(events, tmp_path, resumed=False, write=True)
        # One pass, which also gives the scale of the targets.
        assert read == [("energyTruth",)]
        assert not {*SENSOR_BRANCHES} & {name for names in read for name in names}

    def test_kept_and_read_again_bit_for_bit(self, configure: Configure, falling: np.ndarray) -> None:
        section = configure(
            "reweighting.energy.enabled=true", "reweighting.energy.nbins=12"
        ).reweighting.enabled
        truth, folder = {"energyTruth": falling[:, 0]}, Path()
        new, _ = fit_task_weights(section, ["energy"], truth, folder, resumed=False, write=True)
        other = {"energyTruth": falling[:9, 0] + 1}
        kept, lines = fit_task_weights(section, ["energy"], other, folder, resumed=True, write=True)
        assert FILE_NAME in lines[0]
        np.testing.assert_array_equal(kept["energy"].weights, new["energy"].weights)
        np.testing.assert_array_equal(kept["energy"].edges[0], new["energy"].edges[0])
        anew, _ = fit_task_weights(section, ["energy"], other, folder, resumed=False, write=False)
        assert anew["energy"].edges[0][0] > 1

    def test_other_bins_are_another_histogram(self, configure: Configure, falling: np.ndarray) -> None:
        truth = {"energyTruth": falling[:, 0]}
        for nbins in (12, 5):
            changes = ("reweighting.energy.enabled=true", f"reweighting.energy.nbins={nbins}")
            section = configure(*changes).reweighting.enabled
            tables, _ = fit_task_weights(section, ["energy"], truth, Path(), resumed=True, write=True)
            assert tables["energy"].weights.shape == (nbins,)

    def test_only_one_process_writes(self, configure: Configure, falling: np.ndarray) -> None:
        section = configure("reweighting.energy.enabled=true").reweighting.enabled
        fit_task_weights(section, ["energy"], {"energyTruth": falling}, Path(), resumed=False, write=False)
        assert not Path(FILE_NAME).exists()

    def test_a_damaged_file_is_named(self, configure: Configure, falling: np.ndarray) -> None:
        Path(FILE_NAME).write_bytes(b"no archive")
        section = configure("reweighting.energy.enabled=true").reweighting.enabled
        with pytest.raises(TrainError, match=FILE_NAME):
            fit_task_weights(section, ["energy"], {"energyTruth": falling}, Path(), resumed=True, write=True)

    def test_a_task_that_is_not_learnt(self, configure: Configure) -> None:
        section = configure("reweighting.timing.enabled=true").reweighting.enabled
        tables, lines = fit_task_weights(section, ["angle"], {}, Path(), resumed=False, write=True)
        assert not tables
        assert "reweighting.timing has no effect" in lines[0]


class TestConfiguration:
    @pytest.mark.parametrize(
        ("mode", "bins"),
        [("theta", {0: 30}), ("phi", {1: 30}), ("theta_phi", {0: 20, 1: 20})],
    )
    def test_flag(self, configure: Configure, mode: str, bins: dict[int, int]) -> None:
        enabled = configure(f"--reweight_mode={mode}").reweighting.enabled
        assert {task: section.bins for task, section in enabled.items()} == {"angle": bins}

    def test_flag_none(self, configure: Configure) -> None:
        assert not configure("--reweight-mode=none").reweighting.enabled

    def test_position_has_three_axes(self, configure: Configure) -> None:
        section = configure("reweighting.uvwFI.enabled=true", "reweighting.uvwFI.nbins_2d=[6, 8]").reweighting
        assert section.uvwFI.bins == {0: 6, 1: 8, 2: 6}


class TestTraining:
    def test_weights_multiply_the_loss_of_their_task_only_in_training(self, configure: Configure) -> None:
        objective = Regression(configure("tasks.energy.enabled=true", "reweighting.energy.enabled=true",
                                         "reweighting.energy.nbins=2"))  # fmt: skip
        truth = {
            "energyTruth": np.array([0.02, 0.02, 0.02, 0.06], np.float32),
            "emiAng": np.array([[80, -10], [100, 20], [95, 5], [90, 0]], np.float32),
        }
        network = objective.build_network()
        objective.prepare(network, events_with(truth))
        events = Events(None, [], truth, 4)
        objective.fit_event_weights(events, Path(), resumed=False, write=False)
        readings = {name: torch.ones(4, 5) for name in SENSOR_BRANCHES}
        batch = {name: torch.from_numpy(array) for name, array in truth.items()}
        raw = {"energy": torch.tensor([[1.0], [2.0], [-1.0], [0.5]]), "angle": torch.ones(4, 2)}

        plain = objective.losses(network, raw, batch)
        weighted = objective.losses(network, raw, objective.augment({**batch, **readings}))
        target = network.standardize_target("energy", batch["energyTruth"][:, None])
        by_hand = (torch.tensor([[2 / 3], [2 / 3], [2 / 3], [2.0]]) * (raw["energy"] - target).abs()).mean()
        torch.testing.assert_close(weighted["loss_energy"], by_hand)
        assert plain["loss_energy"] != weighted["loss_energy"]
        assert torch.equal(plain["loss_angle"], weighted["loss_angle"])

    def test_reflected_events_have_the_weights_of_their_places_in_the_files(
        self, configure: Configure, write_events: Callable[..., Path]
    ) -> None:
        """Three of four events are at u > 0: only so do all reflected ones fill both halves evenly."""
        n, section = 400, "reweighting.uvwFI"
        objective = Regression(configure(
            "tasks.uvwFI.enabled=true", f"{section}.enabled=true", f"{section}.nbins_2d=[2, 1]",
            f"{section}.nbins=1", "training.mirror=true", "training.channel_dropout_rate=0",
        ))  # fmt: skip
        u = np.where(np.arange(n) % 4 < 3, 10.0, -10.0)
        uvw = np.stack([u, np.zeros(n), np.ones(n)], axis=1).astype(np.float32)
        truth = {"uvwTruth": uvw, "emiAng": np.full((n, 2), 90, np.float32)}
        events = Events(None, [], truth, n)
        objective.fit_event_weights(events, Path(), resumed=False, write=False)
        readings = {name: torch.ones(n, N_SENSORS) for name in SENSOR_BRANCHES}
        batch = objective.augment({**{name: torch.from_numpy(a) for name, a in truth.items()}, **readings})
        reflected, weights = batch["truth.uvwFI"][:, 0], batch["weight_uvwFI"]
        torch.testing.assert_close(weights, torch.from_numpy(np.where(u > 0, 2 / 3, 2.0)).float())
        for side in (reflected > 0, reflected < 0):
            # Half of the weight with either sign, but for the chance of the drawing.
            assert float(weights[side].sum()) == pytest.approx(n / 2, rel=0.15)
        assert 0.4 < float((reflected > 0).double().mean()) < 0.6

    def test_resumed_with_its_own_weights(self, configure: Configure) -> None:
        weighted = (*QUICK, "--reweight_mode=theta_phi", "reweighting.angle.nbins_2d=[3, 3]")
        whole = train(configure(*weighted, "mlflow.run_name=whole"))
        original = TrainLoop.step

        def step_and_stop(loop: TrainLoop, window: Any) -> Any:
            loop.interruption.requested = True
            return original(loop, window)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrainLoop, "step", step_and_stop)
            parts = train(configure(*weighted, "mlflow.run_name=parts"))
        assert (parts.path / FILE_NAME).is_file()
        written = (parts.path / FILE_NAME).stat().st_mtime_ns
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EventWeights, "fit", lambda *_: pytest.fail("fitted anew"))
            train(configure(*weighted, f"checkpoint.resume_from={parts.checkpoint_last}"))
        assert (parts.path / FILE_NAME).stat().st_mtime_ns == written
        first, second = (read_checkpoint(run.checkpoint_last) for run in (whole, parts))
        for key in ("model", "ema_model"):
            assert all(torch.equal(value, second[key][name]) for name, value in first[key].items())

        unweighted = read_checkpoint(train(configure(*QUICK, "mlflow.run_name=plain")).checkpoint_last)
        assert any(
            not torch.equal(value, unweighted["model"][name]) for name, value in first["model"].items()
        )
