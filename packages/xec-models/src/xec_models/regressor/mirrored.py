"""Predictions averaged over an event and its reflections."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.tasks.mirroring import mirror_mean, mirror_table
from xec_data.tasks.table import TASKS
from xec_geometry import MIRRORS, mirrored_sensors
from xec_models.blocks.namespace import TORCH
from xec_models.encoder.inputs import split_readings
from xec_models.encoder.network import EventNetwork
from xec_models.errors import ModelError
from xec_models.regressor.predictions import SIGMA_SUFFIX
from xec_models.regressor.regressor import XECRegressor


class MirrorAverage(EventNetwork):
    """A regressor that looks at every event as it is and reflected at z = 0, at y = 0 and at both.

    Its predictions follow the reflections of the detector exactly: those of a reflected event are the
    reflected predictions. It has no parameters of its own.

    Parameters
    ----------
    network
        The regressor; four events go through it for one.

    Raises
    ------
    ModelError
        If it is another network.
    GeometryError
        If a reflection does not map its sensors to themselves: most do not as they were built.
    """

    sensors: Tensor

    def __init__(self, network: XECRegressor) -> None:
        super().__init__()
        if not isinstance(network, XECRegressor):
            raise ModelError(
                f"MirrorAverage: a {type(network).__name__}; expected a regressor, whose predictions can be "
                "reflected"
            )
        self.network = network
        self.reflections = nn.ModuleDict({task: _Reflections(task) for task in network.tasks})
        sensors = np.stack([mirrored_sensors(mirror, network.geometry) for mirror in MIRRORS])
        self.register_buffer("sensors", torch.from_numpy(sensors), persistent=False)
        self.to(network.device)
        self.train(network.training)

    def forward(self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None = None) -> dict[str, Tensor]:
        """Predict from raw readings; parameters and results as in `XECRegressor.forward`.

        Returns
        -------
        dict
            Means over the four reflections: of angles φ along the circle, in (−180, 180]°, of vectors with
            length 1, of probabilities. ``<task>_sigma`` is the mean of the four σ. That is no smaller than
            that of one prediction, although the average may be more precise.
        """
        readings = split_readings(npho, time, self.network.device)
        outputs = self.network(*(values[:, self.sensors].flatten(0, 1) for values in readings))
        return {name: self._average(name, values) for name, values in outputs.items()}

    def _average(self, name: str, values: Tensor) -> Tensor:
        values = values.reshape(-1, len(MIRRORS), values.shape[1])
        if name.endswith(SIGMA_SUFFIX):
            return values.mean(1)
        task = TASKS[name]
        return cast("Tensor", mirror_mean(TORCH, task, self.reflections[name](values)))


class _Reflections(nn.Module):
    """The outputs of reflected events, changed back to those of the event itself."""

    signs: Tensor
    offsets: Tensor

    def __init__(self, task: str) -> None:
        super().__init__()
        for name, table in zip(("signs", "offsets"), mirror_table(TASKS[task]), strict=True):
            self.register_buffer(name, torch.from_numpy(table).float(), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Reflect (B, reflections, n_outputs)."""
        return values * self.signs + self.offsets
