"""Beginning with the weights of another training, and the keys for going on otherwise than before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.checkpoint_files import read_checkpoint

from xec_train.config.train_config import TrainConfig
from xec_train.engine.checkpoints import CheckpointWriter
from xec_train.engine.state import TrainState
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
QUICK = ("checkpoint.save_artifacts=false",)
STILL = ("training.lr=1e-12", "training.scheduler=none", "training.weight_decay=0", "training.epochs=1")


def test_encoder_of_another_kind(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(configure(*QUICK, "training.epochs=1", "mlflow.run_name=first"))
    first = read_checkpoint(run.checkpoint_last)
    encoder = {name: value for name, value in first["ema_model"].items() if name.startswith("encoder.")}
    other = {key: first[key] for key in ("format_version", "layout", "geometry_hash", "normalization")}
    # As a file that was written before there was a choice of the stem.
    model = {name: value for name, value in first["config"]["model"].items() if name != "stem"}
    other |= {"kind": "mae", "config": {"model": model}}
    torch.save({**other, "model": {**encoder, "decoder.inner.weight": torch.zeros(2)}}, "mae.pth")

    second = train(configure(*QUICK, *STILL, "checkpoint.resume_from=mae.pth", "mlflow.run_name=second"))
    printed = capsys.readouterr().out
    assert f"loaded: {len(encoder)} parameters: encoder." in printed
    assert "not loaded: 1 parameters: decoder.inner (1)" in printed
    assert "not in the file, random initial values: " in printed
    assert "heads.angle" in printed
    after = read_checkpoint(second.checkpoint_last)
    assert after["epoch"] == 1
    for name, value in encoder.items():
        torch.testing.assert_close(after["model"][name], value, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(after["ema_model"][name], value, atol=1e-6, rtol=1e-5)

    for change, message in (
        ("model.encoder_dim=96", "model.encoder_dim is 96, there 64"),
        ("model.stem=patch", "model.stem is patch, there dense"),
        ("normalization.npho_scale=7", "normalization.npho_scale is 7.0, there 1000.0"),
    ):
        with pytest.raises(TrainError, match=message):
            train(configure(*QUICK, "checkpoint.resume_from=mae.pth", change))


def test_keys_of_a_continuation(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    copies = ("checkpoint.save_interval=1", "checkpoint.keep_last=2", "training.epochs=3")
    run = train(configure(*QUICK, *copies, "mlflow.run_name=first"))
    assert sorted(path.name for path in run.path.glob("*epoch*")) == [
        "checkpoint_epoch_2.pth",
        "checkpoint_epoch_3.pth",
    ]
    last = f"checkpoint.resume_from={run.checkpoint_last}"
    reset = train(configure(*QUICK, *STILL, last, "checkpoint.reset_epoch=true", "mlflow.run_name=reset"))
    assert read_checkpoint(reset.checkpoint_last)["epoch"] == 1
    assert reset.path != run.path
    assert "(checkpoint.reset_epoch)" in capsys.readouterr().out

    train(configure(*QUICK, last, "training.epochs=5", "checkpoint.refresh_lr=true"))
    refreshed = read_checkpoint(run.checkpoint_last)
    steps = refreshed["step"] // 5
    assert refreshed["scheduler"]["begun"] == 3
    assert refreshed["scheduler"]["last_epoch"] == 2 * steps


def test_checkpoints_within_an_epoch(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    original = CheckpointWriter.save_last

    def write(writer: CheckpointWriter, state: TrainState) -> None:
        written.append(state.progress.batch)
        original(writer, state)

    monkeypatch.setattr(CheckpointWriter, "save_last", write)
    train(configure(*QUICK, "training.epochs=1", "checkpoint.every_minutes=1e-9"))
    assert {1, 2, 3} <= set(written)
