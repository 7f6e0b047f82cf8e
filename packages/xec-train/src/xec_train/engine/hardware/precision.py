"""Mixed precision: the one that a device supports, with inputs that are never rounded."""

from __future__ import annotations

from typing import Any, Literal

import torch
from lightning_fabric.plugins.precision import MixedPrecision, Precision

Name = Literal["32-true", "bf16-mixed", "16-mixed"]


class RawInputs(MixedPrecision):  # type: ignore[misc]
    """Mixed precision inside the network only.

    Lightning rounds the inputs of a network to half precision. Those here are photons and seconds, of
    which bfloat16 keeps three digits and float16 neither 1e-8 s nor 1e5 photons; the first layer
    normalizes them, and autocast rounds from there on.
    """

    def convert_input(self, data: Any) -> Any:
        """Leave the readings as they are."""
        return data


def choose_precision(amp: bool, *, on_gpu: bool, has_bfloat16: bool) -> Name:
    """Choose a precision.

    Parameters
    ----------
    amp
        Whether to use mixed precision.
    on_gpu
        Whether there is a GPU: a CPU computes in float32.
    has_bfloat16
        Whether the GPU computes with bfloat16, which needs no scaling of the loss.
    """
    if not (amp and on_gpu):
        return "32-true"
    return "bf16-mixed" if has_bfloat16 else "16-mixed"


def build_precision(amp: bool) -> Precision:
    """Build the precision for the present device."""
    on_gpu = torch.cuda.is_available()
    name = choose_precision(amp, on_gpu=on_gpu, has_bfloat16=on_gpu and torch.cuda.is_bf16_supported())
    return Precision() if name == "32-true" else RawInputs(name, "cuda")


def scaler_of(precision: Any) -> Any:
    """Return the gradient scaler of a precision; None if it needs none."""
    return getattr(precision, "scaler", None)
