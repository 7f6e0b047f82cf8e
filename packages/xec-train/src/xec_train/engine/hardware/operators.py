"""The operators in C++ of a training on the CPU, compiled at its start."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from xec_models.blocks.native.operators import have_operators, is_switched_off, operators
from xec_models.errors import ModelError
from xec_train.config.sections import AUTO


def prepare_operators(setting: str, device: torch.device, tell: Callable[[str], None]) -> None:
    """Compile the operators in C++ unless they are there, for the blocks to use.

    Parameters
    ----------
    setting
        ``training.compile``; only ``auto`` compiles.
    device
        Device of the training; only a CPU has such operators.
    tell
        Called with what takes a while, or why there are none.
    """
    if setting != AUTO or device.type != "cpu" or is_switched_off() or operators() is not None:
        return
    tell("compiling operators for this processor, once")
    start = time.monotonic()
    try:
        have_operators()
    except ModelError as error:
        tell(f"no compiled operators, the training is slower for that: {error}")
    else:
        tell(f"operators compiled in {time.monotonic() - start:.0f} s")
