"""The base class of all networks: an encoder, and heads or decoders on it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xec_data.normalization.transforms import NormalizationConfig
from xec_geometry import SensorTable
from xec_models.encoder.arrays import Library, check_library, predict_events
from xec_models.encoder.encoder import XECEncoder
from xec_models.errors import ModelError

BATCH = 64
"""Events that `Network.predict` takes at a time, unless stated."""


class EventNetwork(nn.Module):
    """Something that takes the raw readings of events, one row an event each."""

    if TYPE_CHECKING:
        __call__: Callable[..., dict[str, Tensor]]

    @overload
    def predict(
        self, npho: Any, time: Any, *more: Any, library: Literal["np"] = "np", batch_size: int = BATCH
    ) -> dict[str, NDArray[Any]]: ...

    @overload
    def predict(
        self, npho: Any, time: Any, *more: Any, library: Literal["torch"], batch_size: int = BATCH
    ) -> dict[str, Tensor]: ...

    def predict(
        self, npho: Any, time: Any, *more: Any, library: Library = "np", batch_size: int = BATCH
    ) -> dict[str, NDArray[Any]] | dict[str, Tensor]:
        """Predict for one event or any number of them, without gradients, a batch at a time.

        Parameters
        ----------
        npho, time
            Raw photons and seconds, (n, N_SENSORS), or (N_SENSORS,) for one event: arrays of numpy, awkward
            (rows of N_SENSORS numbers) or torch.
        more
            What else the network takes, in the same form: the dead sensors of an inpainter.
        library
            ``np`` for numpy arrays, ``torch`` for tensors on the network's device.
        batch_size
            Largest number of events at a time.

        Returns
        -------
        dict
            As the network itself, one row an event, also for one.

        Raises
        ------
        ModelError
            If the arrays are no events, one is missing or too many, or the library is another one.
        """
        check_library(library)
        readings = (npho, time, *more)
        takes = signature(self.forward)
        try:
            takes.bind(*readings)
        except TypeError:
            raise ModelError(
                f"predict: {len(readings)} arrays; expected those that the network takes: "
                + ", ".join(takes.parameters)
            ) from None
        found = predict_events(self, readings, batch_size)
        return found if library == "torch" else {name: values.cpu().numpy() for name, values in found.items()}

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device


class Network(EventNetwork):
    """A network that takes the raw readings of all sensors.

    Attributes
    ----------
    kind
        Name of the class in checkpoints.
    encoder
        Normalization, faces and fusion.
    normalization
        Constants of the inputs.
    geometry
        Where the sensors stand, for which the network is made.
    """

    kind: ClassVar[str]
    encoder: XECEncoder
    normalization: NormalizationConfig
    geometry: SensorTable

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any], geometry: SensorTable | None = None) -> Self:
        """Build from the sections of a plain configuration, with random weights.

        Parameters
        ----------
        config
            Plain values by section.
        geometry
            Where the sensors stand; nominal by default. A path in `config` is not read.
        """

    def encode_normalized(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode normalized readings into tokens (B, tokens, encoder_dim); see `XECEncoder.forward`."""
        tokens: Tensor = self.encoder(x, mask)
        return tokens
