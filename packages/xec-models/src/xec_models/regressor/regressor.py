"""The regressor: physical quantities from the raw readings of all sensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_data.schema.branches import INVALID_ABOVE
from xec_data.tasks.table import TASKS
from xec_geometry import SensorTable
from xec_geometry.detector.survey import nominal_table
from xec_models.anchor.anchor import Anchor
from xec_models.anchor.conventional import AnchorEstimate, AnchorTruth
from xec_models.anchor.table import ANCHORS
from xec_models.anchor.window import Window
from xec_models.blocks.namespace import TORCH
from xec_models.config.network import ModelConfig, RegressorConfig, TaskConfig, enabled_tasks
from xec_models.encoder.encoder import XECEncoder
from xec_models.encoder.inputs import split_readings
from xec_models.encoder.network import Network
from xec_models.errors import ModelError
from xec_models.regressor.heads import DROPOUT, TaskHead
from xec_models.regressor.predictions import SIGMA_SUFFIX
from xec_models.regressor.targets import TargetScale


def anchor_key(task: str) -> str:
    """Name the values of the anchor for a task among the raw outputs of a network."""
    return f"anchor.{task}"


def _anchor(model: RegressorConfig, geometry: SensorTable) -> Anchor | None:
    reconstruction, window = ANCHORS[model.anchor].build(geometry), None
    if reconstruction is None:
        return None
    if model.window is not None:
        window = Window(model.window, model.encoder_dim, model.window_width, model.window_depth, geometry)
    return Anchor(reconstruction, window, model.encoder_dim)


class XECRegressor(Network):
    """Encoder and one head per enabled task.

    Parameters
    ----------
    model
        Shape of the network.
    tasks
        Head, loss and weight of each task by its name; tasks that are not enabled get no head.
    normalization
        Constants of the inputs.
    geometry
        Where the sensors stand; nominal by default.

    Raises
    ------
    ModelError
        If a task or its loss does not exist, or none is enabled.
    """

    kind = "regressor"

    def __init__(
        self,
        model: ModelConfig,
        tasks: Mapping[str, TaskConfig],
        normalization: NormalizationConfig,
        geometry: SensorTable | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(model, RegressorConfig):
            model = RegressorConfig.model_validate(model.model_dump())
        self.model_config = model
        self.normalization = normalization
        self.task_configs = enabled_tasks(tasks)
        self.geometry = nominal_table() if geometry is None else geometry
        self.encoder = XECEncoder(model, normalization, self.geometry)
        features = len(self.encoder.faces) * model.encoder_dim
        self.anchor = _anchor(model, self.geometry)
        if self.anchor is not None:
            features += self.anchor.n_tokens * model.encoder_dim + self.anchor.summary.size
        self.heads = nn.ModuleDict()
        self.targets = nn.ModuleDict()
        for name, config in self.task_configs.items():
            anchored = self.anchor is not None and TASKS[name].anchor is not None
            dropout = DROPOUT if model.dropout is None else model.dropout
            head = TaskHead(TASKS[name], config, features, model.hidden_dim, dropout)
            if anchored:
                head.start_at_zero()
            self.heads[name] = head
            self.targets[name] = TargetScale(TASKS[name], config, anchored=anchored)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], geometry: SensorTable | None = None) -> XECRegressor:
        """Build from ``model``, ``tasks`` and ``normalization`` of a plain configuration."""
        return cls(
            RegressorConfig.model_validate(config["model"]),
            {name: TaskConfig.model_validate(task) for name, task in config["tasks"].items()},
            NormalizationConfig.model_validate(config["normalization"]),
            geometry,
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that have a head, in order."""
        return tuple(self.task_configs)

    def forward(self, npho: ArrayLike | Tensor, time: ArrayLike | Tensor | None = None) -> dict[str, Tensor]:
        """Predict from raw readings.

        Parameters
        ----------
        npho
            (B, sensors) photons, invalid readings as they come (1e10, NaN, ±inf); or both stacked,
            (B, sensors, 2).
        time
            (B, sensors) times in seconds; omitted if stacked.

        Returns
        -------
        dict
            (B, n_outputs) by task, in the task's unit (angles in degrees): probabilities for
            `n_gamma`, vectors of length 1 for `angleVec`. Heads with an uncertainty add
            ``<task>_sigma``. NaN where an event has no valid count, and for a task with an anchor where it
            has too little light.
        """
        counts, times = split_readings(npho, time, self.device)
        physical = self.to_physical(self.forward_standardized(counts, times))
        seen = (counts.abs() <= INVALID_ABOVE).any(dim=1, keepdim=True)
        return {name: torch.where(seen, value, torch.nan) for name, value in physical.items()}

    def forward_standardized(
        self,
        npho: ArrayLike | Tensor,
        time: ArrayLike | Tensor | None = None,
        held: AnchorEstimate | None = None,
    ) -> dict[str, Tensor]:
        """Return the raw outputs of the heads, in the space of the losses.

        Compare with `standardize_target`. A head with an uncertainty gives means, then log variances;
        `n_gamma` gives logits. The values of the anchor stand under `anchor_key`.

        Parameters
        ----------
        npho, time
            As in `forward`.
        held
            Estimates of the anchor to take for these events, see `Anchor.forward`.
        """
        counts, times = split_readings(npho, time, self.device)
        if self.anchor is None:
            return self.apply_heads(self.encode_normalized(self.encoder.normalizer(counts, times)))
        known = self.anchor(counts, times, held)
        tokens = self.encoder(self.encoder.normalizer(known.npho, known.time), more=known.tokens)
        raw = self._apply_heads(torch.cat([tokens.flatten(1), known.numbers], dim=1))
        return {**raw, **self._anchors(known.estimate)}

    def _anchors(self, estimate: AnchorEstimate) -> dict[str, Tensor]:
        """Return the values (B, n_outputs) of the tasks that have an anchor, under `anchor_key`."""
        anchors = {name: TASKS[name].anchor for name in self.tasks if self.target_scale(name).anchored}
        values = {anchor_key(name): anchor(TORCH, estimate) for name, anchor in anchors.items() if anchor}
        # Not every formula passes on that there is no point, once it is a graph of ONNX.
        known = estimate.uvw.isfinite().all(dim=1, keepdim=True)
        return {name: torch.where(known, value, torch.nan) for name, value in values.items()}

    def forward_normalized(self, x: Tensor) -> dict[str, Tensor]:
        """Predict from normalized readings (B, sensors, 2); otherwise as `forward`.

        Raises
        ------
        ModelError
            If the network has an anchor, which needs photons and seconds.
        """
        if self.anchor is not None:
            raise ModelError("a network with an anchor needs raw readings: call it with photons and seconds")
        return self.to_physical(self.apply_heads(self.encode_normalized(x)))

    def apply_heads(self, tokens: Tensor) -> dict[str, Tensor]:
        """Compute the raw outputs of the heads from tokens (B, tokens, encoder_dim)."""
        return self._apply_heads(tokens.flatten(1))

    def _apply_heads(self, features: Tensor) -> dict[str, Tensor]:
        return {name: head(features) for name, head in self.heads.items()}

    def to_physical(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Convert raw outputs of the heads to those of `forward`; differentiable."""
        physical: dict[str, Tensor] = {}
        for name in self.tasks:
            if name in raw:
                target, anchor = self.target_scale(name), raw.get(anchor_key(name))
                physical[name] = target.physical(raw[name], anchor)
                if target.uncertainty:
                    physical[name + SIGMA_SUFFIX] = target.sigma(raw[name], anchor)
        return physical

    def standardize_target(self, task: str, truth: Tensor, anchor: Tensor | None = None) -> Tensor:
        """Convert true values (B, n_outputs) to the space of `forward_standardized`; not classes.

        Parameters
        ----------
        task
            The task.
        truth
            (B, n_outputs) true values.
        anchor
            Its values of the anchor, if it has one.
        """
        return self.target_scale(task).standardize(truth, anchor)

    def fit_anchor(
        self, npho: Tensor, time: Tensor, truth: AnchorTruth, targets: Mapping[str, Tensor]
    ) -> None:
        """Calibrate the anchor, and set the scale of the residuals of every task that has one.

        Parameters
        ----------
        npho, time
            (n, sensors) raw readings of a sample of the training data.
        truth
            Its true points, energies and times.
        targets
            Its true values (n, n_outputs) by task.

        Raises
        ------
        ModelError
            If the network has no anchor, or too few events have light and valid truth.
        """
        if self.anchor is None:
            raise ModelError("the network has no anchor to calibrate (model.anchor: none)")
        anchors = self._anchors(self.anchor.fit(npho, time, truth))
        for task in self.tasks:
            if anchor_key(task) in anchors:
                self.target_scale(task).fit_residuals(targets[task], anchors[anchor_key(task)])

    def fit_targets(self, truth: Mapping[str, ArrayLike]) -> None:
        """Set the scale of every task that has no anchor from the training data.

        Parameters
        ----------
        truth
            (n, n_outputs) true values by task; a sample of the training data is enough.

        Raises
        ------
        ModelError
            If a task is missing, or its values cannot be standardized (empty, NaN, log of ≤ 0).
        """
        for task in self.tasks:
            if self.target_scale(task).anchored:
                continue
            if task not in truth:
                raise ModelError(f"no true values for the task '{task}', expected {', '.join(self.tasks)}")
            self.target_scale(task).fit(truth[task])

    @contextmanager
    def keeping_target_scales(self) -> Iterator[None]:
        """Keep the scale of every target while other parameters are loaded, and adapt the heads to it."""
        scales = {task: self.target_scale(task).constants() for task in self.tasks}
        yield
        for task, (shift, scale) in scales.items():
            target = self.target_scale(task)
            if not target.spec.n_classes:
                cast("TaskHead", self.heads[task]).rescale(target, shift, scale)
                target.shift.copy_(shift)
                target.scale.copy_(scale)

    def set_sigma_factors(self, factors: Mapping[str, Sequence[float]]) -> None:
        """Correct predicted uncertainties.

        Parameters
        ----------
        factors
            By task, a factor for each output; see `xec_models.regressor.metrics.sigma_factors`.

        Raises
        ------
        ModelError
            If a task has no uncertainty, or another number of outputs.
        """
        for task, values in factors.items():
            target = self.target_scale(task)
            lacking = "" if target.uncertainty else "it predicts none"
            _set_factors(target.sigma_factor, values, f"the uncertainties of the task '{task}'", lacking)

    def set_residual_factors(self, factors: Mapping[str, Sequence[float]]) -> None:
        """Let outputs give the anchor's values alone where what the network adds is no improvement.

        Parameters
        ----------
        factors
            By task, 1 or 0 for each output; see `xec_models.regressor.metrics.residual_factors`.

        Raises
        ------
        ModelError
            If a task has no anchor, or another number of outputs.
        """
        for task, values in factors.items():
            target = self.target_scale(task)
            lacking = "" if target.anchored else "it has no anchor"
            _set_factors(target.residual_factor, values, f"the residuals of the task '{task}'", lacking)

    def target_scale(self, task: str) -> TargetScale:
        """Return the scale of the targets of a task.

        Raises
        ------
        ModelError
            If the network has no such task.
        """
        if task not in self.task_configs:
            raise ModelError(f"the network has no task '{task}', expected one of {', '.join(self.tasks)}")
        return cast("TargetScale", self.targets[task])


def _set_factors(factor: Tensor, values: Sequence[float], of_what: str, lacking: str) -> None:
    """Copy factors, one for each output; `lacking` says why there can be none, if there cannot."""
    if lacking or len(values) != len(factor):
        expected = f"none: {lacking}" if lacking else len(factor)
        raise ModelError(f"{len(values)} factors on {of_what}, expected {expected}")
    factor.copy_(torch.as_tensor(values))
