"""A training on the number of photons, for files that have the branch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from xec_geometry import N_SENSORS
from xec_models.checkpoint.building import load_model
from xec_train.config.train_config import TrainConfig
from xec_train.runs.training import train

N = 24


def test_probabilities_of_five_classes(
    configure: Callable[..., TrainConfig], write_events: Callable[..., Path]
) -> None:
    classes = (np.arange(N) % 5).astype(np.int32)
    # The answer stands in the light itself.
    npho = np.repeat(10.0 ** (1 + classes[:, None]), N_SENSORS, axis=1).astype(np.float32)
    path = write_events("photons.root", N, n_gamma=classes, npho=npho)
    settings = [f"tasks.{task}.enabled={str(task == 'n_gamma').lower()}" for task in ("angle", "n_gamma")]
    settings += ["checkpoint.save_artifacts=false", "training.epochs=6", "training.ema_decay=null"]
    run = train(configure(*settings, files=(path, path)))
    with torch.no_grad():
        probabilities = load_model(run.checkpoint_last)(npho, np.full_like(npho, 1e-8))["n_gamma"].numpy()
    assert probabilities.shape == (N, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    # A network that knows nothing gives every class a fifth.
    assert -np.log(probabilities[np.arange(N), classes]).mean() < np.log(5) - 0.1
