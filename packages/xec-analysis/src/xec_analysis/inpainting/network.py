"""A reconstructing network as a function of numpy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xec_analysis.errors import AnalysisError
from xec_analysis.inpainting.hidden_sensors import Bools
from xec_data.schema.branches import TIME_BRANCH

if TYPE_CHECKING:
    from xec_geometry import SensorTable
    from xec_models.encoder.network import Network

# The activations of few events stay in the processor's caches.
_BATCH = 16


def open_reconstruction(path: str | Path) -> ReconstructingNetwork:
    """Open an inpainter, or a masked autoencoder, from its checkpoint.

    Parameters
    ----------
    path
        A checkpoint.

    Returns
    -------
    ReconstructingNetwork
        From raw npho, time and hidden sensors, (n, N_SENSORS) each, to channel → (n, N_SENSORS).

    Raises
    ------
    AnalysisError
        If it is a checkpoint of another kind.
    CheckpointError
        If it is not a checkpoint.
    """
    from xec_models.checkpoint.building import build_model
    from xec_models.checkpoint.reading import read_checkpoint
    from xec_models.reconstruction.autoencoder import XECMaskedAutoencoder
    from xec_models.reconstruction.inpainter.inpainter import XECInpainter

    kinds = (XECInpainter.kind, XECMaskedAutoencoder.kind)
    checkpoint = read_checkpoint(path)
    if checkpoint.kind not in kinds:
        raise AnalysisError(
            f"{path}: a network of the kind {checkpoint.kind!r}; expected one that reconstructs readings: "
            f"{' or '.join(kinds)}"
        )
    network = build_model(checkpoint, source=str(path))
    return ReconstructingNetwork(network, checkpoint.config.files.time_branch)


class ReconstructingNetwork:
    """A network ``(npho, time, mask) → dict of channels`` for numpy arrays of any number of events.

    Parameters
    ----------
    network
        The network.
    time_branch
        The branch of the times that it was trained on.
    """

    def __init__(self, network: Network, time_branch: str = TIME_BRANCH) -> None:
        self._network, self.time_branch = network, time_branch

    @property
    def geometry(self) -> SensorTable:
        """Where the sensors stand that it was trained with."""
        return self._network.geometry

    def __call__(
        self, npho: NDArray[np.float32], time: NDArray[np.float32], hidden: Bools
    ) -> dict[str, NDArray[Any]]:
        """Reconstruct n events, (n, N_SENSORS) each."""
        import torch

        parts = []
        for start in range(0, len(npho), _BATCH):
            batch = slice(start, start + _BATCH)
            with torch.inference_mode():
                answer = self._network(*(torch.from_numpy(np.array(x[batch])) for x in (npho, time, hidden)))
            parts.append({name: values.float().numpy() for name, values in answer.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def as_function(network: Network) -> ReconstructingNetwork:
    """Wrap a network ``(npho, time, mask) → dict of channels`` for numpy arrays of any number of events."""
    return ReconstructingNetwork(network)
