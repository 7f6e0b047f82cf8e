"""Inpainting: masks, and trainings that are resumed, begun with another encoder, or freeze it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.checkpoint_files import read_checkpoint
from tests.train.made_up import readings
from tests.train.recorded import metrics

from xec_data.reading.columns import read_columns
from xec_data.schema.branches import INVALID
from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import load_model
from xec_models.reconstruction.inpainter.inpainter import XECInpainter
from xec_train.config.loading import load_config
from xec_train.config.train_config import TrainConfig
from xec_train.engine.display import Display
from xec_train.objectives.table import build_objective
from xec_train.processes.group import Processes
from xec_train.reconstruction.inpainting import Inpainting, draw_over_quantiles
from xec_train.reconstruction.objective import MASK
from xec_train.runs.preparation import prepare
from xec_train.runs.training import train
from xec_train.scan.metrics import known_metrics

Configure = Callable[..., TrainConfig]
INPAINTING = ("objective=inpainting", "training.channel_dropout_rate=0", "model.head=cross_attention")
CONSTANT = ("training.scheduler=none", "training.warmup_epochs=0")


def parameters(path: Path, key: str = "model") -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = read_checkpoint(path)[key]
    return state


class TestMasks:
    def test_one_of_every_quantile(self) -> None:
        npho = readings(4)["npho"]
        npho[1, :100] = torch.nan
        mask = draw_over_quantiles(npho, 0.05, torch.rand(4, N_SENSORS))
        for event in range(4):
            valid = np.flatnonzero(np.abs(npho[event].numpy()) < 9e9)
            hidden = mask[event].numpy()
            assert hidden.sum() == hidden[valid].sum() == int(0.05 * len(valid))
            # Ten equal parts of the sorted sensors have the same number of hidden ones, but for the edges.
            order = valid[np.argsort(npho[event].numpy()[valid])]
            counts = [hidden[part].sum() for part in np.array_split(order, 10)]
            assert max(counts) - min(counts) <= 2

    def test_every_sensor_of_a_part_is_chosen_as_often(self) -> None:
        npho = torch.arange(40.0).expand(4000, 40)
        torch.manual_seed(0)
        often = draw_over_quantiles(npho, 0.1, torch.rand(4000, 40)).double().mean(0)
        assert often.numpy() == pytest.approx(0.1, abs=0.025)

    def test_too_few_sensors(self) -> None:
        npho = torch.full((2, 30), INVALID)
        npho[1, :5] = 1.0
        assert not draw_over_quantiles(npho, 0.05, torch.rand(2, 30)).any()

    def test_the_key_chooses(self, configure: Configure) -> None:
        flat = build_objective(configure(*INPAINTING, "model.mask_npho_flat=true"))
        plain = build_objective(configure(*INPAINTING))
        assert isinstance(flat, Inpainting)
        assert isinstance(plain, Inpainting)
        batch = readings(8)
        ids = batch["npho"].masked_fill(batch["npho"] > 9e9, torch.inf).argsort(1)[:, : N_SENSORS - 1]
        spread = [
            torch.stack([p.sum(1) for p in o.draw(batch).gather(1, ids).split(100, dim=1)]).double().std()
            for o in (flat, plain)
        ]
        assert spread[0] < 0.5 * spread[1]

    def test_validation_hides_the_same_sensors_every_time(self, configure: Configure) -> None:
        objective = build_objective(configure(*INPAINTING, "model.mask_npho_flat=true"))
        network, batch = objective.build_network().eval(), readings()
        with torch.no_grad():
            first, second = (objective.forward(network, batch)[MASK] for _ in range(2))
        assert torch.equal(first, second)
        valid = N_SENSORS - 1
        assert first.sum(1).tolist() == [int(0.05 * valid)] * 3


def test_a_perfect_prediction_costs_nothing(configure: Configure) -> None:
    objective = build_objective(configure(*INPAINTING))
    assert isinstance(objective, Inpainting)
    network, batch = objective.build_network().eval(), readings()
    with torch.no_grad():
        raw = objective.forward(network, batch)
        targets = objective.targets(network, raw, {})
        perfect = {**raw, **{face: values.clone() for face, values in targets.values.items()}}
        assert objective.losses(network, perfect, batch)["loss"] == 0
        assert objective.losses(network, raw, batch)["loss"] > 0


@pytest.mark.parametrize("head", ["per_face", "cross_attention"])
def test_it_learns_and_writes(configure: Configure, head: str) -> None:
    changes = ("training.epochs=3", "training.track_mae_rmse=true", "training.track_metrics=true",
               "checkpoint.save_predictions=5", f"model.head={head}", "mlflow.run_name=i",
               "training.lr=1e-2")  # fmt: skip
    run = train(configure(*INPAINTING[:2], *changes))
    values = metrics(run)
    assert values["train_loss"][-1] < values["train_loss"][0]
    for name in ("total_loss", "loss_npho", "loss_time", "loss_inner", "loss_us_npho", "actual_mask_ratio"):
        assert len(values[f"val_{name}"]) == 3, name
    assert len(values["rmse_inner_npho"]) == len(values["mae_outer_time"]) == 3
    assert values["val_actual_mask_ratio"][0] == pytest.approx(0.05, abs=1e-3)
    known = set(known_metrics(load_config(run.config).config))
    assert {"val_loss_us_npho", "rmse_inner_npho"} <= known <= set(values)
    network = load_model(run.checkpoint_best)
    assert isinstance(network, XECInpainter)
    written = read_columns(run.reconstruction)
    seen = written["mask"] == 0
    np.testing.assert_array_equal(written["pred_npho"][seen], written["truth_npho"][seen])


def test_photons_alone(configure: Configure) -> None:
    run = train(configure(*INPAINTING, "model.predict_channels=[npho]", "training.epochs=1"))
    assert "val_loss_time" not in metrics(run)
    network = load_model(run.checkpoint_best)
    assert isinstance(network, XECInpainter)
    assert network.channels == ("npho",)


def test_interrupted_and_resumed_is_uninterrupted(configure: Configure) -> None:
    changes = (*INPAINTING, *CONSTANT, "training.auto_channel_weight=true", "model.mask_npho_flat=true")
    whole = train(configure(*changes, "mlflow.run_name=whole"))
    first = train(configure(*changes, "mlflow.run_name=part", "training.epochs=1"))
    again = f"checkpoint.resume_from={first.checkpoint_last}"
    resumed = train(configure(*changes, "mlflow.run_name=part", again))
    a, b = (parameters(run.checkpoint_last) for run in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    a, b = (parameters(run.checkpoint_last, "objective") for run in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert float(a["log_variances.npho"]) != 0


def test_an_encoder_is_not_frozen_unseen_without_a_checkpoint(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    for freeze in (True, False):
        prepare(configure(*INPAINTING, f"model.freeze_encoder={freeze}"), Processes(), Display())
        told = capsys.readouterr()
        warned = "freeze_encoder keeps an encoder of random weights" in " ".join(
            (told.out + told.err).split()
        )
        assert warned == freeze


def test_a_frozen_encoder_of_an_autoencoder(configure: Configure) -> None:
    mae = train(configure("objective=mae", "model.decoder_dim=8", "mlflow.run_name=mae", "training.epochs=1"))
    run = train(
        configure(
            *INPAINTING,
            "model.freeze_encoder=true",
            "training.ema_decay=0.9",
            "mlflow.run_name=inpainter",
            f"checkpoint.resume_from={mae.checkpoint_best}",
        )
    )
    checkpoint = read_checkpoint(mae.checkpoint_best)
    before = checkpoint.get("ema_model") or checkpoint["model"]
    encoder = [name for name in before if name.startswith("encoder.")]
    assert len(encoder) > 50
    for key in ("model", "ema_model"):
        after = parameters(run.checkpoint_last, key)
        assert all(torch.equal(before[name], after[name]) for name in encoder)
    # Bit for bit, and without a place in the optimizer.
    optimizer = read_checkpoint(run.checkpoint_last)["optimizer"]
    trained = sum(len(group["params"]) for group in optimizer["param_groups"])
    network = load_model(run.checkpoint_last)
    assert trained == len([name for name, _ in network.named_parameters() if name not in encoder])
