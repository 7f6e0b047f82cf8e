"""Reconstruction of hidden sensors, which masked autoencoding and inpainting share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from xec_data.schema.branches import INVALID, INVALID_ABOVE
from xec_geometry import FACES, SensorTable, load_geometry
from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
from xec_models.reconstruction.inpainter.inpainter import XECInpainter
from xec_models.reconstruction.masking import Sensors, draw_by_face, draw_mask, event_scores
from xec_train.config.train_config import ReconstructionConfig
from xec_train.data.augmentation import RandomMirror, drop_channels
from xec_train.data.batch import Batch
from xec_train.data.events import Events
from xec_train.objectives.balance import LearnedWeights
from xec_train.objectives.base import LOSS, Objective, StepBatches, ValidationTotals
from xec_train.objectives.event_weights import EventWeights, HistogramRequest, fit_or_read
from xec_train.reconstruction.intensity import INTENSITY, intensities, intensity
from xec_train.reconstruction.losses import Faces, Targets, build_targets, event_sums, face_losses, ratio
from xec_train.reconstruction.report import ReconstructionReport

MASK = "mask"
"""(B, sensors) bool in a batch and among the raw outputs: the sensors that were chosen to be hidden."""

_WEIGHT = "weight"
_PER_EVENT = "weight_per_event"
_MASK_RATIO = "actual_mask_ratio"
_POWERS = {"uniform": 1.0, "sqrt": 0.5}


NetworkT = TypeVar("NetworkT", bound=XECMaskedAutoencoder | XECInpainter)


class Reconstruction(Objective[NetworkT]):
    """An objective that hides valid sensors and predicts their readings.

    In training the hidden sensors are drawn for every step; in validation they depend on the event
    alone, so that epochs, batch sizes and numbers of processes can be compared.

    Parameters
    ----------
    config
        The training's configuration.
    geometry
        Where the sensors stand; by default where the configuration says.
    """

    def __init__(self, config: ReconstructionConfig, geometry: SensorTable | None = None) -> None:
        learned = config.model.predict_channels if config.training.auto_channel_weight else ()
        super().__init__(LearnedWeights(learned), geometry or load_geometry(config.geometry))
        self.config = config
        self.channels = config.model.predict_channels
        self.columns = tuple(range(len(self.channels)))
        self.mirror = RandomMirror(config.training.mirror, geometry=self.geometry)
        self.event_weights: EventWeights | None = None
        self.report = ReconstructionReport(config, self.with_fixed_mask, self.weights)

    @abstractmethod
    def predict(self, network: NetworkT, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Predict cells by face (B, cells, channels), normalized; `network` may be wrapped."""

    @abstractmethod
    def cells(self, network: NetworkT, x: Tensor) -> Faces:
        """Sort normalized readings (B, sensors, 2) into (B, cells, 2) by face."""

    @abstractmethod
    def hidden(self, network: NetworkT, mask: Tensor) -> Faces:
        """Sort a mask (B, sensors) into (B, cells) by face."""

    def fit_event_weights(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> list[str]:
        """Fit weights to a histogram of the photons of all training events."""
        section = self.config.training.intensity_reweighting
        if not section.enabled:
            return []
        wanted = HistogramRequest(
            {0: section.nbins}, lambda: intensities(events), [INTENSITY], _POWERS[section.target]
        )
        tables, lines = fit_or_read({INTENSITY: wanted}, folder, resumed=resumed, write=write)
        self.event_weights = tables[INTENSITY]
        return lines

    def augment(self, batch: Batch) -> Batch:
        """Reflect events, make random sensors invalid, and choose the hidden ones among the others."""
        weights = (
            {} if self.event_weights is None else {_WEIGHT: self.event_weights.of(intensity(batch["npho"]))}
        )
        batch = drop_channels(self.mirror(batch), self.config.training.channel_dropout_rate)
        batch = self.dead_channels(batch)
        return {**batch, **weights, MASK: self.draw(batch)}

    def draw(self, batch: Batch, scores: Tensor | None = None) -> Tensor:
        """Choose the sensors to hide, (B, sensors) bool; `scores` as in `draw_mask`."""
        npho, preferred = batch["npho"], self.preferred(batch)
        if scores is None:
            scores = torch.rand(npho.shape, device=npho.device)

        def of_sensors(here: Sensors, ratio: float) -> Tensor:
            wanted = None if preferred is None else preferred[:, here]
            return self.draw_part(npho[:, here], ratio, wanted, scores[:, here])

        return draw_by_face(self.config.model.mask_ratio, npho.shape[1], of_sensors)

    def draw_part(self, npho: Tensor, ratio: float, preferred: Tensor | None, scores: Tensor) -> Tensor:
        """Choose among some sensors (B, n); parameters as of `draw_mask`."""
        return draw_mask(npho.abs() <= INVALID_ABOVE, ratio, preferred=preferred, scores=scores)

    def preferred(self, batch: Batch) -> Tensor | None:
        """Return the relative probability (B, sensors) of hiding each sensor; None: equal probabilities."""
        scale = self.config.training.time.mask_ratio_scale
        if scale == 1:
            return None
        npho, time, least = batch["npho"], batch["time"], self.config.normalization.npho_threshold
        readable = (time.abs() <= INVALID_ABOVE) & (npho.abs() <= INVALID_ABOVE)
        return torch.where(readable & (npho >= least), scale, 1.0)

    def link_batches(self, step: StepBatches[NetworkT]) -> list[Batch]:
        """Add the weight sums of the hidden cells of all batches, because losses are means over cells."""
        own = [self.targets(step.network, batch, batch).weight_sums(self.columns) for batch in step.batches]
        total = step.processes.all_reduce(torch.stack([_stacked(sums) for sums in own]).sum(0))
        per_event = total / step.n_events
        return [{**batch, _PER_EVENT: per_event} for batch in step.batches]

    def forward(self, network: NetworkT, batch: Batch) -> dict[str, Tensor]:
        """Return the prediction for the hidden sensors, with the readings and the mask."""
        npho, time = batch["npho"], batch["time"]
        mask = batch[MASK] if MASK in batch else self.draw(batch, event_scores(npho))
        faces = self.predict(network, npho, time, mask)
        return {
            **{face: values.float() for face, values in faces.items()},
            "npho": npho,
            "time": time,
            MASK: mask,
        }

    def losses(self, network: NetworkT, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Return the weighted sum over channels and faces; its parts are ``loss_<channel>`` and, if tracked,
        ``loss_<face>`` and ``loss_<face>_<channel>``."""
        targets = self.targets(network, raw, batch)
        weight_sums = None
        if _PER_EVENT in batch:
            weight_sums = dict(zip(targets.weights, batch[_PER_EVENT] * len(raw[MASK]), strict=True))
        by_face = face_losses(_faces(raw, targets), targets, self.columns, self.config.training, weight_sums)
        hidden, valid = raw[MASK].sum(1), (raw["npho"].abs() <= INVALID_ABOVE).sum(1)
        ratios = (hidden / valid.clamp_min(1)).mean()
        return {**self._combined(by_face), _MASK_RATIO: ratios}

    @property
    def loss_names(self) -> list[str]:
        """``loss``, its parts by channel and, if tracked, by face."""
        nothing: Faces = {face: torch.zeros(len(self.channels)) for face in FACES}
        return [*self._combined(nothing), _MASK_RATIO]

    def validation_losses(self, totals: ValidationTotals[NetworkT]) -> dict[str, float]:
        """Return the mean losses of all hidden cells."""
        outputs = totals.outputs
        own = _stacked({face: values.double().sum(0) for face, values in outputs.items()})
        sums = totals.processes.all_reduce(own)
        by_face = dict(zip(outputs, ratio(sums[..., 4], sums[..., 3]), strict=True))
        exact = self._combined(by_face)
        return {**totals.means, **{name: float(value) for name, value in exact.items()}}

    def _combined(self, by_face: Mapping[str, Tensor]) -> dict[str, Tensor]:
        by_channel = dict(zip(self.channels, _stacked(by_face).sum(0), strict=True))
        total = self.learned(by_channel, self.weights)
        return {
            LOSS: total,
            f"total_{LOSS}": total.detach(),
            **{f"{LOSS}_{channel}": part for channel, part in by_channel.items()},
            **(self._parts(by_face) if self.config.training.track_metrics else {}),
        }

    def _parts(self, by_face: Mapping[str, Tensor]) -> dict[str, Tensor]:
        parts = {}
        for face, losses in by_face.items():
            weighted = [self.weights[channel] * losses[i] for i, channel in enumerate(self.channels)]
            parts[f"{LOSS}_{face}"] = torch.stack(weighted).sum()
            parts |= {f"{LOSS}_{face}_{channel}": losses[i] for i, channel in enumerate(self.channels)}
        return parts

    def targets(self, network: NetworkT, raw: Mapping[str, Tensor], batch: Batch) -> Targets:
        """Return the true readings of the hidden sensors of `raw`, and their weights."""
        training, normalizer = self.config.training, network.encoder.normalizer
        # Times of sensors that are too dark are no targets, but inputs of the network.
        dark = raw["npho"] <= training.time.npho_threshold
        x = normalizer(raw["npho"], raw["time"].masked_fill(dark, INVALID))
        hidden = raw[MASK] | (x[..., 0] == normalizer.sentinel_npho)
        cells, hidden_cells = self.cells(network, x), self.hidden(network, hidden)
        return build_targets(cells, hidden_cells, normalizer, training, batch.get(_WEIGHT))

    def outputs(self, network: NetworkT, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return sums of the losses and errors of each event, by face."""
        targets = self.targets(network, raw, {})
        return event_sums(_faces(raw, targets), targets, self.columns, self.config.training)

    def with_fixed_mask(self, batch: Batch) -> Batch:
        """Return a batch with the sensors that validation hides, which depend on the events alone."""
        return {**batch, MASK: self.draw(batch, event_scores(batch["npho"]))}

    @property
    def weights(self) -> dict[str, float]:
        """Factor of each channel in the loss."""
        training = self.config.training
        factors = {"npho": training.npho_weight, "time": training.time.weight}
        return {channel: factors[channel] for channel in self.channels}


def _faces(raw: Mapping[str, Tensor], targets: Targets) -> dict[str, Tensor]:
    return {face: raw[face] for face in targets.values}


def _stacked(by_face: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(by_face.values()))
