"""The sample of training events that the anchor of a network is calibrated with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xec_data.schema.branches import SENSOR_BRANCHES, is_invalid
from xec_data.tasks.table import TASKS
from xec_models.anchor.conventional import AnchorTruth
from xec_models.errors import ModelError
from xec_models.regressor.regressor import XECRegressor
from xec_train.data.events import Events
from xec_train.data.sample import sample
from xec_train.errors import TrainError

ANCHOR_TRUTH = ("uvwTruth", "energyTruth", "timeTruth")
"""Truth that the calibrations are fitted to."""

SAMPLE = 5000
"""Events of the sample, or all if there are fewer."""


def fit_anchor(network: XECRegressor, events: Events) -> None:
    """Calibrate the anchor of a network, and set the scales of its residuals.

    Parameters
    ----------
    network
        A network with an anchor.
    events
        The training events; the sample is spread evenly over them.

    Raises
    ------
    TrainError
        If the files lack the truth for it, or too few events have light, times and valid truth.
    """
    missing = [name for name in ANCHOR_TRUTH if name not in events.reader.branches]
    if missing:
        raise TrainError(
            f"model.anchor: {network.model_config.anchor} is calibrated with {', '.join(ANCHOR_TRUTH)}; "
            f"the training files have no {' and no '.join(missing)} (model.anchor: none needs none of them)"
        )
    parts = list(sample(events, SAMPLE))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    targets = {
        task: torch.as_tensor(TASKS[task].true_values(columns))
        for task in network.tasks
        if network.target_scale(task).anchored
    }
    npho, time = (torch.from_numpy(columns[name]) for name in SENSOR_BRANCHES)
    truth = AnchorTruth(*(_known(columns[name]) for name in ANCHOR_TRUTH))
    try:
        network.fit_anchor(npho, time, truth, targets)
    except ModelError as error:
        files = ", ".join(str(tree.path) for tree in events.reader.trees)
        raise TrainError(
            f"model.anchor: {network.model_config.anchor}: {error}; found in {files} (model.anchor: none and "
            "model.window: null need no calibration)"
        ) from error


def _known(values: np.ndarray) -> Tensor:
    """Return true values in double precision, NaN where there is none."""
    return torch.from_numpy(np.where(is_invalid(values), np.nan, values.astype(np.float64)))
