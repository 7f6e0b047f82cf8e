"""Learning the readings of sensors that are hidden: what masked autoencoding and inpainting share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xec_data.schema.branches import INVALID, INVALID_ABOVE
from xec_models.reconstruction.masking import draw_mask, event_scores
from xec_train.config.train_config import ReconstructionConfig
from xec_train.data.augmentation import drop_channels
from xec_train.data.batch import Batch
from xec_train.data.events import Events
from xec_train.objectives.balance import loss_weights, total_loss
from xec_train.objectives.base import LOSS, Arrays
from xec_train.processes.group import Processes
from xec_train.reconstruction.intensity import INTENSITY, intensities, intensity
from xec_train.reconstruction.losses import Faces, Targets, event_sums, face_losses, ratio, weigh_cells
from xec_train.reconstruction.results import error_metrics, write_reconstruction
from xec_train.regression.reweighting import EventWeights, Wanted, fit_or_keep

MASK = "mask"
"""(B, sensors) bool in a batch and among the raw outputs: the sensors that were chosen to be hidden."""

_WEIGHT = "weight"
_PER_EVENT = "weight_per_event"
_POWERS = {"uniform": 1.0, "sqrt": 0.5}


class Reconstruction(ABC):
    """An objective that hides valid sensors and learns what they read.

    In training the hidden sensors are drawn anew for every step; in validation they depend on the event
    alone, so that epochs, batch sizes and numbers of processes can be compared.

    Parameters
    ----------
    config
        The training's configuration.
    """

    kind: str
    forward_methods: tuple[str, ...]
    truth_branches: tuple[str, ...] = ()
    next_steps: Mapping[str, str]

    def __init__(self, config: ReconstructionConfig) -> None:
        self.config = config
        self.channels = config.model.predict_channels
        self.columns = tuple(range(len(self.channels)))
        self.event_weights: EventWeights | None = None
        self.headlines: Mapping[str, str] = {f"val_{LOSS}_{channel}": "" for channel in self.channels}

    @abstractmethod
    def build_network(self) -> nn.Module:
        """A new network, with random weights."""

    @abstractmethod
    def predict(self, network: nn.Module, npho: Tensor, time: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """By face (B, cells, channels), normalized; `network` may be wrapped for several devices."""

    @abstractmethod
    def cells(self, network: nn.Module, x: Tensor) -> Faces:
        """Sort normalized readings (B, sensors, 2) into (B, cells, 2) by face."""

    @abstractmethod
    def hidden(self, network: nn.Module, mask: Tensor) -> Faces:
        """Sort a mask (B, sensors) into (B, cells) by face."""

    def prepare(self, network: nn.Module, truth: Arrays) -> None:  # noqa: B027
        """Nothing: readings have their own scale."""

    def check_truth(self, truth: Arrays, source: str) -> None:  # noqa: B027
        """Nothing: no true values are needed."""

    def weigh_events(self, events: Events, folder: Path, *, resumed: bool, write: bool) -> list[str]:
        """Weights by a histogram of the light of all training events."""
        section = self.config.training.intensity_reweighting
        if not section.enabled:
            return []
        wanted = Wanted({0: section.nbins}, lambda: intensities(events), [INTENSITY], _POWERS[section.target])
        tables, lines = fit_or_keep({INTENSITY: wanted}, folder, resumed=resumed, write=write)
        self.event_weights = tables[INTENSITY]
        return lines

    def augment(self, batch: Batch) -> Batch:
        """Make random sensors invalid, and choose the hidden ones among the others."""
        weights = (
            {} if self.event_weights is None else {_WEIGHT: self.event_weights.of(intensity(batch["npho"]))}
        )
        batch = drop_channels(batch, self.config.training.channel_dropout_rate)
        return {**batch, **weights, MASK: self.draw(batch)}

    def draw(self, batch: Batch, scores: Tensor | None = None) -> Tensor:
        """Choose the sensors to hide, (B, sensors) bool; `scores` as of `draw_mask`."""
        valid = batch["npho"].abs() <= INVALID_ABOVE
        return draw_mask(valid, self.config.model.mask_ratio, preferred=self.preferred(batch), scores=scores)

    def preferred(self, batch: Batch) -> Tensor | None:
        """How much rather each sensor (B, sensors) is hidden than others; None: all alike."""
        scale = self.config.training.time.mask_ratio_scale
        if scale == 1:
            return None
        return torch.where(batch["time"].abs() <= INVALID_ABOVE, scale, 1.0)

    def join(
        self, network: nn.Module, window: list[Batch], n_events: int, processes: Processes
    ) -> list[Batch]:
        """Add what the hidden cells of all batches weigh: losses are means over cells, not over events."""
        own = [self.targets(network, batch, batch).weight_sums(self.columns) for batch in window]
        total = processes.all_reduce(torch.stack([_stacked(sums) for sums in own]).sum(0))
        per_event = total / n_events
        return [{**batch, _PER_EVENT: per_event} for batch in window]

    def forward(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """What the network thinks of the hidden sensors, beside the readings and the mask."""
        npho, time = batch["npho"], batch["time"]
        mask = batch[MASK] if MASK in batch else self.draw(batch, event_scores(npho))
        faces = self.predict(network, npho, time, mask)
        return {
            **{face: values.float() for face, values in faces.items()},
            "npho": npho,
            "time": time,
            MASK: mask,
        }

    def losses(self, network: nn.Module, raw: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The weighted sum over channels and faces; its parts are ``loss_<channel>`` and, if tracked,
        ``loss_<face>`` and ``loss_<face>_<channel>``."""
        targets = self.targets(network, raw, batch)
        weight_sums = None
        if _PER_EVENT in batch:
            weight_sums = dict(zip(targets.weights, batch[_PER_EVENT] * len(raw[MASK]), strict=True))
        by_face = face_losses(_faces(raw, targets), targets, self.columns, self.config.training, weight_sums)
        hidden, valid = raw[MASK].sum(1), (raw["npho"].abs() <= INVALID_ABOVE).sum(1)
        ratios = (hidden / valid.clamp_min(1)).mean()
        return {**self._combined(network, by_face), "actual_mask_ratio": ratios}

    def overall(
        self,
        network: nn.Module,
        means: dict[str, float],
        outputs: Mapping[str, Tensor],
        processes: Processes,
    ) -> dict[str, float]:
        """The mean losses of all hidden cells."""
        own = _stacked({face: values.double().sum(0) for face, values in outputs.items()})
        sums = processes.all_reduce(own)
        by_face = dict(zip(outputs, ratio(sums[..., 4], sums[..., 3]), strict=True))
        exact = self._combined(network, by_face)
        return {**means, **{name: float(value) for name, value in exact.items()}}

    def _combined(self, network: nn.Module, by_face: Mapping[str, Tensor]) -> dict[str, Tensor]:
        by_channel = dict(zip(self.channels, _stacked(by_face).sum(0), strict=True))
        total = total_loss(by_channel, self.weights, _log_variances(network))
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

    def targets(self, network: Any, raw: Mapping[str, Tensor], batch: Batch) -> Targets:
        """What the hidden sensors of `raw` read, and what counts of it."""
        training, normalizer = self.config.training, network.encoder.normalizer
        # Times of sensors that are too dark are no targets; networks see them all the same.
        dark = raw["npho"] <= training.time.npho_threshold
        x = normalizer(raw["npho"], raw["time"].masked_fill(dark, INVALID))
        hidden = raw[MASK] | (x[..., 0] == normalizer.sentinel_npho)
        cells, hidden_cells = self.cells(network, x), self.hidden(network, hidden)
        return weigh_cells(cells, hidden_cells, normalizer, training, batch.get(_WEIGHT))

    def outputs(self, network: nn.Module, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """By face: sums of the losses and errors of each event."""
        targets = self.targets(network, raw, {})
        return event_sums(_faces(raw, targets), targets, self.columns, self.config.training)

    def metrics(self, outputs: Arrays, events: Arrays) -> dict[str, float]:  # noqa: ARG002
        """``mae_<channel>``, ``rmse_<channel>`` and the same of every face, on the normalized scale."""
        return error_metrics(outputs, self.channels) if self.config.training.track_mae_rmse else {}

    def sigma_factors(self, outputs: Arrays, events: Arrays) -> dict[str, list[float]]:  # noqa: ARG002
        """None: there are no uncertainties."""
        return {}

    def figures(self, network: nn.Module) -> dict[str, float]:
        """``loss_weight_<channel>`` if these are learnt."""
        learnt = _log_variances(network)
        weights = loss_weights(self.weights, learnt) if learnt else {}
        return {f"loss_weight_{channel}": weight for channel, weight in weights.items()}

    def write_results(self, run: Path, outputs: Arrays, events: Arrays) -> list[Path]:  # noqa: ARG002
        """Nothing: what is written needs the readings."""
        return []

    def write_readings(self, run: Path, network: nn.Module, batches: Iterator[Batch]) -> list[Path]:
        """The first ``checkpoint.save_predictions`` events, sensor by sensor."""
        wanted = self.config.checkpoint.save_predictions
        if not wanted:
            return []
        first = next(batches, None)
        if first is None:
            return []
        everything = chain([first], batches)
        masked = ({**batch, MASK: self.draw(batch, event_scores(batch["npho"]))} for batch in everything)
        return [write_reconstruction(run, network, masked, self.channels, wanted)]

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


def _log_variances(network: Any) -> dict[str, Tensor]:
    return dict(getattr(network, "log_variances", {}).items())
