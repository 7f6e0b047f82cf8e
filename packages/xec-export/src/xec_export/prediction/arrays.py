"""Predictions in the arrays of the library that the caller works with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from xec_export.errors import ExportError

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]

Library = Literal["np", "torch"]
"""What predictions are given in: numpy arrays, or tensors on the CPU."""


class ArrayPredictor(ABC):
    """A network that takes events in arrays of numpy, awkward or torch, and gives what is asked for."""

    @overload
    def predict(self, npho: Any, time: Any, *, library: Literal["np"] = "np") -> dict[str, Floats]: ...

    @overload
    def predict(self, npho: Any, time: Any, *, library: Literal["torch"]) -> dict[str, Tensor]: ...

    def predict(
        self, npho: Any, time: Any, *, library: Library = "np"
    ) -> dict[str, Floats] | dict[str, Tensor]:
        """Predict for one event or any number of them.

        Parameters
        ----------
        npho, time
            Raw photons and seconds, (n, n_sensors), or (n_sensors,) for one event: arrays of numpy, awkward
            (rows of n_sensors numbers) or torch, invalid readings as they stand in the files.
        library
            ``np`` for numpy arrays, ``torch`` for tensors on the CPU.

        Returns
        -------
        dict
            Output name to (n, columns) float32, in the units of the description; one row for one event.

        Raises
        ------
        ExportError
            If the arrays are no events, or the library is another one.
        """
        if library not in ("np", "torch"):
            raise ExportError(f"library {library!r}; expected 'np' or 'torch'")
        found = self._predict(npho, time)
        if library == "np":
            return found
        import torch

        return {name: torch.from_numpy(values) for name, values in found.items()}

    @abstractmethod
    def _predict(self, npho: Any, time: Any) -> dict[str, Floats]:
        """Predict into numpy arrays."""
