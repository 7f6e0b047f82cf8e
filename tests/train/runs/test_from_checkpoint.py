"""A configuration that is made from a checkpoint, or converted for it, trains on without further changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xec_geometry.cli.application import main
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import TaskConfig
from xec_train.config.earlier.conversion import convert_config
from xec_train.config.loading import load_config
from xec_train.config.template import template
from xec_train.config.train_config import TrainConfig
from xec_train.errors import ConfigError
from xec_train.objectives.table import OBJECTIVES, build_objective
from xec_train.runs.from_checkpoint import align, stated_values
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
EARLIER = "xec-ml-wl"
# None of these is a default, and a training that starts from the weights needs them all.
OTHER = ("model.encoder_dim=64", f"model.layout={EARLIER}", "normalization.npho_scale=900")
OF_KIND = {
    "regression": (
        *("tasks.timing.enabled=true", "tasks.energy.enabled=true", "tasks.energy.log_transform=true"),
        *("tasks.angle.loss_fn=gaussian_nll", "model.anchor=none", "model.window=null"),
    ),
    "mae": ("model.decoder_dim=24", "model.predict_channels=[npho]"),
    "inpainting": ("model.head=earlier_cross_attention", "model.predict_channels=[npho]"),
}


@pytest.fixture
def converted(configure: Configure) -> Callable[[str], TrainConfig]:
    """Write new.pth, as ``xec convert`` does, of an objective."""

    def write(objective: str) -> TrainConfig:
        config = configure(f"objective={objective}", *OTHER, *OF_KIND[objective])
        network = build_objective(config).build_network()
        sections = config.model_dump(mode="json")
        plain = {key: sections[key] for key in ("model", "normalization")}
        if objective == "regression":
            plain["tasks"] = {
                name: TaskConfig.model_validate(task.model_dump()).model_dump(mode="json")
                for name, task in config.enabled_tasks.items()
            }
        kind = OBJECTIVES[objective].network_kind
        weights = NetworkWeights(network.state_dict())
        checkpoint = new_checkpoint(kind, plain, weights, converted_from=EARLIER, epoch=7)
        save_checkpoint("new.pth", checkpoint)
        return config

    return write


def run(path: Path, config: TrainConfig, *changes: str) -> None:
    """Train an epoch with a configuration file, on the files of another."""
    small = ("data.batch_size=32", "data.num_workers=0", "training.epochs=1", "training.warmup_epochs=0")
    files = (f"data.train_path={config.data.train_path[0]}", f"data.val_path={config.data.val_path[0]}")
    off = ("mlflow.enabled=false", "checkpoint.save_artifacts=false", "training.compile=off")
    train(load_config(path, [*small, *files, *off, *changes]).config)


@pytest.mark.parametrize("objective", OF_KIND)
def test_a_new_file_states_what_the_weights_need(
    converted: Callable[[str], TrainConfig], objective: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = converted(objective)
    found, values = stated_values(Path("new.pth"))
    Path("run.yaml").write_text(template(found, None, values))
    made = load_config("run.yaml").config
    assert made.objective == objective
    assert made.model == config.model
    assert made.normalization == config.normalization
    assert set(made.enabled_tasks) == set(config.enabled_tasks)
    for name, task in config.enabled_tasks.items():
        assert made.enabled_tasks[name].loss_fn == task.loss_fn
        assert made.enabled_tasks[name].log_transform == task.log_transform
    run(Path("run.yaml"), config)
    printed = capsys.readouterr().out
    assert (
        "weights of new.pth after epoch 7 of its training; the new training begins with its epoch 1"
        in printed
    )
    assert f"it was converted from {EARLIER}, without its optimizer" in printed
    # All of them.
    assert "not loaded" not in printed
    assert "random initial values" not in printed


@pytest.mark.parametrize("objective", ["regression", "inpainting"])
def test_the_encoder_of_an_autoencoder(
    converted: Callable[[str], TrainConfig], objective: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = converted("mae")
    found, values = stated_values(Path("new.pth"), objective)
    Path("next.yaml").write_text(template(found, None, values))
    run(Path("next.yaml"), config)
    printed = capsys.readouterr().out
    assert "only the encoder is loaded" in printed
    assert "loaded: " in printed


@pytest.mark.parametrize(
    ("stem", "objective", "whole"),
    [
        # Its only task is the angle: the heads of the checkpoint are others.
        ("regressor_12", "regression", False),
        ("mae_10", "mae", True),
        ("inpainter_02", "inpainting", True),
        ("inpainter_02", "mae", False),
    ],
)
def test_an_old_configuration_is_aligned(
    converted: Callable[[str], TrainConfig],
    stem: str,
    objective: str,
    whole: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = converted(objective)
    old = Path(__file__).parents[1] / "config" / "earlier" / "files" / f"{stem}.yaml"
    command = ["config", "convert", str(old), "--checkpoint", "new.pth", "-o", "next.yaml"]
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert not caught.value.code
    notes = capsys.readouterr().err
    assert "note: model.encoder_dim: 64, as in the checkpoint; not " in notes
    assert "note: normalization.npho_scale: 900.0, as in the checkpoint; not " in notes
    assert ("the checkpoint has angle, energy, timing: only its encoder is used" in notes) == (
        objective == "regression"
    )
    run(Path("next.yaml"), config, "checkpoint.save_dir=runs")
    printed = capsys.readouterr().out
    assert "weights of new.pth after epoch 7" in printed
    assert ("random initial values" not in printed) == whole


def test_heads_of_the_same_tasks_are_kept(
    converted: Callable[[str], TrainConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = converted("regression")
    old = tmp_path / "old.yaml"
    old.write_text(
        "data: {train_path: a.root, val_path: b.root, log_invalid_npho: true}\n"
        "tasks: {angle: {enabled: true, loss_fn: smooth_l1, loss_beta: 1.0}, energy: {enabled: true},"
        " timing: {enabled: true}}\n"
    )
    converted_config = convert_config(old)
    values, notes = align(converted_config.values, Path("new.pth"))
    assert "tasks.angle.loss_fn: gaussian_nll, as in the checkpoint; not smooth_l1" in notes
    assert "tasks.energy.log_transform: true, as in the checkpoint; not false" in notes
    # The converted values are left as they were.
    assert "model" not in converted_config.values
    assert values["checkpoint"]["resume_from"] == "new.pth"
    from xec_train.config.yaml_text import write_blocks

    Path("next.yaml").write_text(write_blocks(values))
    run(Path("next.yaml"), config)
    assert "random initial values" not in capsys.readouterr().out


def test_a_checkpoint_of_xec_is_continued(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    config = configure("training.epochs=1", "tasks.energy.enabled=true", "model.drop_path_rate=0.05")
    last = train(config).checkpoint_last
    found, values = stated_values(last)
    Path("next.yaml").write_text(template(found, None, values))
    made = load_config("next.yaml").config
    assert made.model == config.model
    assert made.tasks == config.tasks
    assert made.mlflow.run_name is None
    capsys.readouterr()
    train(load_config("next.yaml", ["training.epochs=2"]).config)
    printed = capsys.readouterr().out
    assert "epoch   2/2" in printed
    assert "epoch   1/2" not in printed


def test_no_such_objective(converted: Callable[[str], TrainConfig]) -> None:
    converted("mae")
    with pytest.raises(ConfigError, match="unknown objective 'maes'"):
        stated_values(Path("new.pth"), "maes")
