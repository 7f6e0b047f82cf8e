"""Beginning with a checkpoint that was converted from the earlier system."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.checkpoint_files import read_checkpoint

from xec_data import EventReader
from xec_data.normalization.transforms import NormalizationConfig
from xec_models.checkpoint.building import load_model
from xec_models.checkpoint.content import NetworkWeights
from xec_models.checkpoint.writing import new_checkpoint, save_checkpoint
from xec_models.config.network import TaskConfig
from xec_models.regressor.regressor import XECRegressor
from xec_train.config.train_config import TrainConfig
from xec_train.errors import TrainError
from xec_train.runs.training import train

Configure = Callable[..., TrainConfig]
EARLIER = "xec-ml-wl"
TASKS = ("tasks.energy.enabled=true", "tasks.energy.log_transform=true")
STILL = (
    *TASKS,
    "checkpoint.save_artifacts=false",
    "training.lr=1e-12",
    "training.scheduler=none",
    "training.weight_decay=0",
    "training.epochs=1",
    "checkpoint.resume_from=new.pth",
)


@pytest.fixture
def converted(configure: Configure) -> XECRegressor:
    """What ``xec convert`` writes, as the file new.pth: no optimizer, targets as they are."""
    config = configure(f"model.layout={EARLIER}", *TASKS)
    network = XECRegressor(config.model, config.enabled_tasks, NormalizationConfig())
    sections = config.model_dump(mode="json")
    sections["tasks"] = {
        name: TaskConfig.model_validate(task).model_dump(mode="json")
        for name, task in config.enabled_tasks.items()
    }
    plain = {key: sections[key] for key in ("model", "tasks", "normalization")}
    weights = NetworkWeights(network.state_dict())
    save_checkpoint("new.pth", new_checkpoint("regressor", plain, weights, converted_from=EARLIER))
    save_checkpoint("ours.pth", new_checkpoint("regressor", plain, weights))
    return network.eval()


def test_outputs_are_kept_on_the_scale_of_the_new_targets(
    configure: Configure, converted: XECRegressor, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(*STILL, f"model.layout={EARLIER}")
    run = train(config)
    assert "have to adapt" not in capsys.readouterr().out
    tuned = load_model(run.checkpoint_last)
    (chunk,) = EventReader(str(config.data.val_path[0]), ["npho", "time"])
    with torch.no_grad():
        before, after = (network(chunk["npho"], chunk["time"]) for network in (converted, tuned))
    state = read_checkpoint(run.checkpoint_last)["model"]
    assert set(before) == {"angle", "energy"}
    for task, values in before.items():
        scale = state[f"targets.{task}.scale"]
        assert not torch.allclose(scale, torch.ones_like(scale))
        torch.testing.assert_close(after[task], values, rtol=1e-4, atol=1e-4 * float(scale.max()))


def test_into_the_physical_layout(
    configure: Configure, converted: XECRegressor, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(configure(*STILL))
    printed = capsys.readouterr().out
    assert f"its layout is {EARLIER}, here physical: weights of the outer and hexagonal faces" in printed
    after = read_checkpoint(run.checkpoint_last)
    assert after["layout"] == "physical"
    for name, value in converted.encoder.state_dict().items():
        torch.testing.assert_close(after["model"][f"encoder.{name}"], value, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("converted")
def test_another_layout_of_a_training_contradicts(configure: Configure) -> None:
    with pytest.raises(TrainError, match=f"model.layout is physical, there {EARLIER}"):
        train(configure(*STILL[:-1], "checkpoint.resume_from=ours.pth"))
