"""Masked autoencoding: from the objective's parts to trainings that are resumed and fine-tuned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from tests.checkpoint_files import read_checkpoint
from tests.train.made_up import readings
from tests.train.recorded import metrics

from xec_data.reading.columns import read_columns
from xec_data.schema.branches import INVALID
from xec_data.writing.tree_writer import read_metadata
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import load_model
from xec_train.config.loading import load_config
from xec_train.config.train_config import TrainConfig
from xec_train.data.events import open_events
from xec_train.engine.evaluation import Means
from xec_train.engine.modules import TrainedModules
from xec_train.objectives.base import StepBatches, ValidationTotals
from xec_train.objectives.table import build_objective
from xec_train.processes.group import Processes
from xec_train.reconstruction.autoencoding import MaskedReconstruction
from xec_train.reconstruction.objective import MASK
from xec_train.runs.training import train
from xec_train.scan.metrics import known_metrics

Configure = Callable[..., TrainConfig]
MAE = ("objective=mae", "model.decoder_dim=8", "training.channel_dropout_rate=0")


@pytest.fixture
def objective(configure: Configure) -> MaskedReconstruction:
    torch.manual_seed(0)
    built = build_objective(configure(*MAE, "training.track_metrics=true", "training.track_mae_rmse=true"))
    assert isinstance(built, MaskedReconstruction)
    return built


class TestLoss:
    def test_only_hidden_valid_sensors_enter(self, objective: MaskedReconstruction) -> None:
        """What others read may be anything: the loss of the same prediction stays the same."""
        network, batch = objective.build_network().eval(), readings()
        raw = objective.forward(network, batch)
        before = objective.losses(network, raw, batch)["loss"]
        other = dict(raw)
        other["npho"] = torch.where(raw[MASK], raw["npho"], raw["npho"] * 1.5)
        other["time"] = torch.where(raw[MASK], raw["time"], 2e-8)
        fine = {face: values for face, values in other.items() if face != "outer"}
        assert set(other) - set(fine) == {"outer"}
        # A cell of the pooled grid that is hidden has no sensor that is seen either.
        assert objective.losses(network, other, batch)["loss"] == before

    def test_a_better_prediction_costs_less(self, objective: MaskedReconstruction) -> None:
        network, batch = objective.build_network().eval(), readings()
        raw = objective.forward(network, batch)
        targets = objective.targets(network, raw, {})
        perfect = {**raw, **{face: values.clone() for face, values in targets.values.items()}}
        assert objective.losses(network, perfect, batch)["loss"] == 0
        assert objective.losses(network, raw, batch)["loss"] > 0

    def test_parts_add_up(self, objective: MaskedReconstruction) -> None:
        network, batch = objective.build_network().eval(), readings()
        with torch.no_grad():
            parts = objective.losses(network, objective.forward(network, batch), batch)
        faces = ("inner", "us", "ds", "outer", "top", "bottom")
        assert float(parts["total_loss"]) == pytest.approx(
            float(sum(parts[f"loss_{face}"] for face in faces))
        )
        for channel in ("npho", "time"):
            of_faces = sum(parts[f"loss_{face}_{channel}"] for face in faces)
            assert float(parts[f"loss_{channel}"]) == pytest.approx(float(of_faces))
        valid = N_SENSORS - 1
        assert float(parts["actual_mask_ratio"]) == pytest.approx(int(0.6 * valid) / valid)

    def test_times_of_dark_sensors_are_no_targets(self, configure: Configure) -> None:
        objective = build_objective(configure(*MAE, "training.time.npho_threshold=1500"))
        network, batch = objective.build_network().eval(), readings()
        raw = objective.forward(network, batch)
        weights = objective.targets(network, raw, {}).weights["top"][..., 1]
        ids = network.to_sensors.get_buffer("top_ids")
        expected = raw[MASK][:, ids] & (batch["npho"][:, ids] > 1500) & (batch["npho"][:, ids] < INVALID)
        assert torch.equal(weights > 0, expected)

    def test_learnt_weights_of_the_channels(self, configure: Configure) -> None:
        objective = build_objective(configure(*MAE, "training.auto_channel_weight=true"))
        network, batch = objective.build_network(), readings()
        parts = objective.losses(network, objective.forward(network, batch), batch)
        of_channels = (parts["loss_npho"] + parts["loss_time"]).detach()
        assert float(parts["loss"].detach()) == pytest.approx(0.5 * float(of_channels), rel=1e-6)
        parts["loss"].backward()
        assert all(float(p.grad) != 0 for p in objective.learned.parameters())
        assert objective.report.figures(network, objective.learned) == {
            "loss_weight_npho": 0.5,
            "loss_weight_time": 0.5,
        }


class TestSeveralBatches:
    """Means over cells are those of one large batch, however the events are cut."""

    @pytest.mark.parametrize("sizes", [(4, 4), (5, 1, 2)])
    def test_gradients_of_a_step(self, configure: Configure, sizes: tuple[int, ...]) -> None:
        changes = ("auto_channel_weight=true", "npho_loss_weight.enabled=true", "time.npho_threshold=1000")
        objective = build_objective(configure(*MAE, *(f"training.{change}" for change in changes)))
        network, events = objective.build_network().eval().double(), readings(8)
        events = {name: values.double() for name, values in events.items()}
        # Dark and dead events: shares of events and of cells differ.
        events["npho"][:3, 500:] *= 0.1
        events["npho"][3, 1000:] = INVALID
        events[MASK] = objective.draw(events)
        gradients, totals = [], []
        for cut in (sizes, (8,)):
            parts = zip(*(values.split(cut) for values in events.values()), strict=True)
            window = [dict(zip(events, part, strict=True)) for part in parts]
            both = TrainedModules(network, objective.learned.double())
            both.zero_grad()
            total = torch.zeros((), dtype=torch.float64)
            linked = objective.link_batches(StepBatches(network, window, 8, Processes()))
            for batch, n in zip(linked, cut, strict=True):
                loss = objective.losses(network, objective.forward(network, batch), batch)["loss"]
                (loss * n / 8).backward()
                total += loss.detach() * n / 8
            gradients.append(torch.cat([p.grad.flatten() for p in both.parameters()]))
            totals.append(total)
        largest = float(gradients[1].abs().max())
        assert largest > 0
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-6 * largest)
        torch.testing.assert_close(*totals)
        # The batch alone needs no link, and says the same.
        whole = objective.losses(network, objective.forward(network, events), events)["loss"].detach()
        torch.testing.assert_close(whole, totals[1])

    def test_losses_of_a_validation(self, objective: MaskedReconstruction) -> None:
        network, events = objective.build_network().eval(), readings(6)
        events["time"][:2, 700:] = INVALID
        whole = {}
        for cut in ((6,), (4, 2)):
            means, outputs = Means(), []
            with torch.inference_mode():
                for part in zip(*(values.split(cut) for values in events.values()), strict=True):
                    batch = dict(zip(events, part, strict=True))
                    raw = objective.forward(network, batch)
                    means.add(objective.losses(network, raw, batch), len(batch["npho"]))
                    outputs.append(objective.outputs(network, raw))
                joined = {face: torch.cat([output[face] for output in outputs]) for face in outputs[0]}
                totals = ValidationTotals(network, means.values(), joined, Processes())
                whole[cut] = objective.validation_losses(totals), means.values()
        exact, as_is = whole[(6,)]
        assert exact == pytest.approx(as_is, rel=1e-5)
        assert whole[(4, 2)][0] == pytest.approx(exact, rel=1e-5)
        assert abs(whole[(4, 2)][1]["loss_time"] / exact["loss_time"] - 1) > 1e-4


class TestMasks:
    def test_training_draws_anew_validation_does_not(self, objective: MaskedReconstruction) -> None:
        network, batch = objective.build_network().eval(), readings()
        first, second = (objective.augment(readings())[MASK] for _ in range(2))
        assert not torch.equal(first, second)
        whole = objective.forward(network, batch)[MASK]
        assert torch.equal(whole, objective.forward(network, batch)[MASK])
        one = objective.forward(network, {name: values[1:2] for name, values in batch.items()})[MASK]
        assert torch.equal(one[0], whole[1])
        assert not whole[:, 3].any()

    def test_sensors_with_a_time_are_preferred(self, configure: Configure) -> None:
        objective = build_objective(
            configure(*MAE, "training.time.mask_ratio_scale=3", "model.mask_ratio=0.2")
        )
        batch = readings(40)
        # Without a time, or too dark for a valid one.
        batch["npho"] += 101.0
        batch["time"][:, : N_SENSORS // 4] = INVALID
        batch["npho"][:, N_SENSORS // 4 : N_SENSORS // 2] = 50.0
        mask = objective.augment(batch)[MASK].double()
        without, with_time = mask[:, : N_SENSORS // 2].mean(), mask[:, N_SENSORS // 2 :].mean()
        # Drawn one after the other, 1 - exp(-t) and 1 - exp(-3t) of them are hidden, together 0.2.
        t = brentq(lambda t: 2 - np.exp(-t) - np.exp(-3 * t) - 0.4, 0, 1)
        assert float(without) == pytest.approx(1 - np.exp(-t), abs=0.01)
        assert float(with_time) == pytest.approx(1 - np.exp(-3 * t), abs=0.01)

    def test_of_reflected_events(self, configure: Configure) -> None:
        plain, mirrored = (
            build_objective(configure(*MAE, f"training.mirror={value}")).augment(readings(40))
            for value in ("false", "true")
        )
        moved = (plain["npho"] != mirrored["npho"]).any(1)
        assert 5 < int(moved.sum()) < 38
        # The sensor without a count is elsewhere, and still not hidden.
        dead = mirrored["npho"] == INVALID
        assert (dead.sum(1) == 1).all()
        assert not (mirrored[MASK] & dead).any()
        assert torch.equal(moved, ~dead[:, 3])
        torch.testing.assert_close(mirrored["npho"].sort(1).values, plain["npho"].sort(1).values)
        assert torch.equal(mirrored[MASK].sum(1), plain[MASK].sum(1))


def test_events_weighed_by_their_light(
    configure: Configure, write_events: Callable[..., Path], tmp_path: Path
) -> None:
    npho = np.full((40, N_SENSORS), 10.0, np.float32)
    npho[:30] *= 100
    npho[:, 7] = INVALID
    path = write_events("light.root", 40, clusters=3, npho=npho)
    section = "training.intensity_reweighting"
    for target, ratio in (("uniform", 3.0), ("sqrt", 3.0**0.5)):
        changes = (f"{section}.enabled=true", f"{section}.nbins=2", f"{section}.target={target}")
        config = configure(*MAE, *changes, files=(path, path))
        objective, folder = build_objective(config), tmp_path / target
        folder.mkdir()
        events = open_events([str(path)], (), config.data)
        (line,) = objective.fit_event_weights(events, folder, resumed=False, write=True)
        assert "2 bins" in line
        batch = {"npho": torch.from_numpy(npho.copy()), "time": torch.full((40, N_SENSORS), 1e-8)}
        weights = objective.augment(batch)["weight"].numpy()
        assert weights.mean() == pytest.approx(1)
        assert weights[30:] == pytest.approx(ratio * weights[:10])
        again = build_objective(config)
        assert "from" in again.fit_event_weights(events, folder, resumed=True, write=False)[0]


class TestTraining:
    def test_it_learns_and_writes(self, configure: Configure) -> None:
        run = train(configure(*MAE, "training.epochs=3", "training.track_metrics=true",
                              "training.track_mae_rmse=true", "checkpoint.save_predictions=10",
                              "mlflow.run_name=m"))  # fmt: skip
        values = metrics(run)
        assert values["val_loss"][-1] < 0.7 * values["val_loss"][0]
        names = ("train_total_loss", "val_loss_npho", "val_loss_inner_time", "mae_npho", "rmse_inner_npho",
                 "mae_bottom_time", "val_actual_mask_ratio", "train_actual_mask_ratio")  # fmt: skip
        for name in names:
            assert len(values[name]) == 3, name
        assert values["val_actual_mask_ratio"][0] == pytest.approx(0.6, abs=1e-3)
        known = set(known_metrics(load_config(run.config).config))
        assert set(names) <= known <= set(values)

        written = read_columns(run.reconstruction)
        assert read_metadata(run.reconstruction)["channels"] == ["npho", "time"]
        assert len(written["event"]) == 10
        network = load_model(run.checkpoint_best)
        mask = written["mask"].astype(bool)
        # Readings come back as they are in the file, so the network can be asked once more.
        again = network(
            torch.tensor(written["truth_npho"]), torch.tensor(written["truth_time"]), torch.tensor(mask)
        )
        assert written["pred_npho"] == pytest.approx(again["npho"].detach().numpy(), rel=1e-3, abs=1e-2)
        known = np.abs(written["truth_npho"]) < INVALID
        difference = written["pred_npho"] - written["truth_npho"]
        assert written["error_npho"][known] == pytest.approx(difference[known])
        assert np.isnan(written["error_npho"][~known]).all()

    def test_files_without_truth(self, configure: Configure, write_events: Callable[..., Path]) -> None:
        import uproot

        names = ("npho", "relative_time", "run", "event")
        arrays = read_columns(write_events("whole.root", 20))
        bare = Path("bare.root")
        with uproot.recreate(bare) as file:
            file.mktree("tree", {n: np.dtype((arrays[n].dtype, arrays[n].shape[1:])) for n in names})
            file["tree"].extend({name: arrays[name] for name in names})
        run = train(configure(*MAE, "training.epochs=1", files=(bare, bare)))
        assert run.checkpoint_best.is_file()

    def test_interrupted_and_resumed_is_uninterrupted(self, configure: Configure) -> None:
        changes = ("mlflow.run_name=constant", "training.scheduler=none", "training.warmup_epochs=0")
        uninterrupted = train(configure(*MAE, *changes))
        part = ("mlflow.run_name=part", *changes[1:])
        first = train(configure(*MAE, *part, "training.epochs=1"))
        resumed = train(configure(*MAE, *part, f"checkpoint.resume_from={first.checkpoint_last}"))
        a, b = (read_checkpoint(run.checkpoint_last)["model"] for run in (uninterrupted, resumed))
        assert all(torch.equal(a[name], b[name]) for name in a)

    def test_a_regressor_begins_with_its_encoder(
        self, configure: Configure, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mae = train(configure(*MAE, "mlflow.run_name=mae", "training.epochs=1"))
        assert "xec train REGRESSION.yaml checkpoint.resume_from=" in capsys.readouterr().out
        still = ("training.lr=1e-12", "training.scheduler=none", "training.warmup_epochs=0")
        config = configure(f"checkpoint.resume_from={mae.checkpoint_best}", *still, "mlflow.run_name=fine")
        fine = train(config)
        assert "only the encoder is loaded" in capsys.readouterr().out
        a, b = (read_checkpoint(run.checkpoint_last)["model"] for run in (mae, fine))
        shared = [name for name in b if name.startswith("encoder.")]
        assert len(shared) > 50
        for name in shared:
            assert torch.allclose(a[name], b[name], atol=1e-6)
