"""The operators in C++ as far as this process has them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import torch

from xec_models.blocks.native.compiling import compile_operators, compiled_file
from xec_models.errors import ModelError

VARIABLE = "XEC_OPERATORS"
"""Environment variable: ``off`` leaves the operators in C++ out."""


class _Library:
    """The library: not asked for yet, absent, or loaded."""

    namespace: Any = None
    asked = False


def is_switched_off() -> bool:
    """Return whether the environment says that the operators are not to be used."""
    return os.environ.get(VARIABLE, "").lower() in {"off", "0", "no", "false"}


def operators() -> Any | None:
    """Return the operators, a namespace of `torch.ops`; None if they are not compiled, or switched off."""
    if not _Library.asked:
        _Library.asked = True
        with suppress(ModelError):
            if not is_switched_off() and compiled_file().is_file():
                _load(str(compiled_file()))
    return _Library.namespace


def have_operators() -> bool:
    """Compile the operators if this machine has none yet, and load them.

    Returns
    -------
    bool
        Whether they are there; False if they are switched off.

    Raises
    ------
    ModelError
        If they cannot be compiled or loaded.
    """
    if operators() is not None or is_switched_off():
        return _Library.namespace is not None
    path = compiled_file()
    if not path.is_file():
        path = compile_operators()
    _load(str(path))
    if _Library.namespace is None:
        raise ModelError(f"{path}: cannot be loaded; remove it and try again")
    return True


def takes(x: torch.Tensor) -> bool:
    """Return whether the operators take features (..., C) of this precision and number of channels."""
    # Those that registers of 8 and of 16 numbers divide, or a register holds twice.
    return x.dtype == torch.float32 and (x.shape[-1] == 8 or (x.shape[-1] > 0 and x.shape[-1] % 16 == 0))


def _load(path: str) -> None:
    try:
        torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        return
    _Library.namespace = torch.ops.xec_models
