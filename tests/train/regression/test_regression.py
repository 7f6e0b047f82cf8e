"""The regression's losses in their spaces, and what it does to a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.train.made_up import events_with

from xec_data.schema.branches import INVALID
from xec_data.tasks.measures import opening_angle
from xec_geometry import N_SENSORS
from xec_train.config.train_config import TrainConfig
from xec_train.data.augmentation import drop_channels
from xec_train.objectives.report import Predictions
from xec_train.regression.objective import Regression

Configure = Callable[..., TrainConfig]
TRUTH = {
    "emiAng": np.array([[80.0, -10.0], [100.0, 20.0], [95.0, 5.0]], np.float32),
    "energyTruth": np.array([0.02, 0.05, 0.06], np.float32),
    "timeTruth": np.array([1e-9, 3e-9, 2e-9], np.float32),
}


def losses(objective: Regression, raw: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    network = objective.build_network()
    objective.prepare(network, events_with(TRUTH))
    batch = {name: torch.from_numpy(array) for name, array in TRUTH.items()}
    return objective.losses(network, raw, batch)


def test_standardized_losses_weigh_seconds_like_centimetres(configure: Configure) -> None:
    objective = Regression(
        configure("tasks.angle.enabled=false", "tasks.timing.enabled=true", "tasks.timing.loss_fn=mse")
    )
    # A head that knows nothing says 0, the mean: the loss is the variance of the standardized truth.
    result = losses(objective, {"timing": torch.zeros(3, 1)})
    assert float(result["loss_timing"]) == pytest.approx(1.0, rel=1e-5)


def test_total_is_the_weighted_sum(configure: Configure) -> None:
    objective = Regression(
        configure("tasks.energy.enabled=true", "tasks.energy.weight=3", "tasks.angle.weight=2")
    )
    result = losses(objective, {"angle": torch.ones(3, 2), "energy": torch.full((3, 1), 2.0)})
    expected = 2 * result["loss_angle"] + 3 * result["loss_energy"]
    torch.testing.assert_close(result["loss"], expected)


def test_relative_loss_is_taken_in_gev(configure: Configure) -> None:
    objective = Regression(
        configure(
            "tasks.angle.enabled=false", "tasks.energy.enabled=true", "tasks.energy.loss_fn=relative_l1"
        )
    )
    mean = TRUTH["energyTruth"].mean()
    expected = np.abs(mean / TRUTH["energyTruth"] - 1).mean()
    assert float(losses(objective, {"energy": torch.zeros(3, 1)})["loss"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_cosine_of_angles_is_one_minus_the_cosine_of_the_opening_angle(configure: Configure) -> None:
    objective = Regression(configure("tasks.angle.loss_fn=cosine"))
    raw = torch.tensor([[0.5, -1.0], [0.0, 1.0], [2.0, 0.3]])
    network = objective.build_network()
    objective.prepare(network, events_with(TRUTH))
    predicted = network.to_physical({"angle": raw})["angle"].numpy()
    expected = (1 - np.cos(np.radians(opening_angle(predicted, TRUTH["emiAng"])))).mean()
    assert float(losses(objective, {"angle": raw})["loss"]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("task", ["n_gamma", "angleVec", "uvwFI"])
def test_every_task_has_a_loss_and_a_headline(configure: Configure, task: str) -> None:
    objective = Regression(configure("tasks.angle.enabled=false", f"tasks.{task}.enabled=true"))
    truth = {
        "n_gamma": np.array([0, 1, 4], np.int32),
        "emiVec": np.eye(3, dtype=np.float32),
        "uvwTruth": np.arange(9, dtype=np.float32).reshape(3, 3) ** 2,
    }
    network = objective.build_network().eval()
    objective.prepare(network, events_with(truth))
    batch = {name: torch.from_numpy(array) for name, array in truth.items()}
    readings = {"npho": torch.full((3, N_SENSORS), 300.0), "time": torch.full((3, N_SENSORS), 1e-8)}
    with torch.inference_mode():
        raw = objective.forward(network, {**batch, **readings})
        loss = objective.losses(network, raw, batch)["loss"]
        outputs = {name: values.numpy() for name, values in objective.outputs(network, raw).items()}
    assert torch.isfinite(loss)
    metrics = objective.report.metrics(Predictions(outputs, truth))
    assert set(objective.report.headlines) <= set(metrics)


def test_channel_dropout_makes_readings_invalid_at_its_rate() -> None:
    torch.manual_seed(0)
    batch = {name: torch.ones(20, N_SENSORS) for name in ("npho", "time")}
    drop_channels(batch, 0.1)
    dropped = batch["npho"] == INVALID
    # 95 000 draws: one standard deviation of the fraction is 0.001.
    assert float(dropped.float().mean()) == pytest.approx(0.1, abs=0.005)
    assert torch.equal(dropped, batch["time"] == INVALID)
    assert not torch.equal(dropped[0], dropped[1])
    assert set(batch["npho"][~dropped].tolist()) == {1.0}


def test_no_dropout_changes_nothing() -> None:
    batch = {name: torch.ones(2, N_SENSORS) for name in ("npho", "time")}
    state = torch.get_rng_state()
    drop_channels(batch, 0.0)
    assert float(batch["npho"].min()) == 1.0
    assert torch.equal(state, torch.get_rng_state())
