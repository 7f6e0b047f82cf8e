"""torch.compile, without a trace in names or checkpoints, and given up with one line where it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from xec_train.config.sections import AUTO

OFF = "off"


def compile_mode(mode: str, device: torch.device) -> str | None:
    """The mode that ``training.compile`` means on a device; None: no compilation."""
    if mode == AUTO:
        mode = "default" if device.type == "cuda" else OFF
    return None if mode == OFF else mode


def compile_methods(
    network: nn.Module, names: Sequence[str], mode: str | None, warn: Callable[[str], None]
) -> None:
    """Compile methods of a network in place; its parameters, state and class stay what they are.

    Parameters
    ----------
    network
        The network.
    names
        The methods that training calls.
    mode
        Mode of `torch.compile`; None: nothing is done.
    warn
        Takes the line that says why compilation was given up.
    """
    if mode is None:
        return
    for name in names:
        # Beside the class, not as a wrapping module: a module would put its prefix before every parameter.
        object.__setattr__(network, name, _Compiled(getattr(network, name), mode, warn))


class _Compiled:
    """A function that is compiled when it is first called, and called as it is if that fails."""

    def __init__(self, function: Callable[..., Any], mode: str, warn: Callable[[str], None]) -> None:
        self._eager, self._warn, self._mode = function, warn, mode
        self._compiled: Callable[..., Any] | None = torch.compile(function, mode=mode)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._compiled is not None:
            try:
                return self._compiled(*arguments, **options)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:
                # What is no fault of the compiler happens again below.
                self._give_up(error)
        return self._eager(*arguments, **options)

    def _give_up(self, error: Exception) -> None:
        self._compiled = None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self._warn(
            f"torch.compile ({self._mode}) failed, the training goes on without it "
            f"(training.compile=off says so at once): {type(error).__name__}: {reason}"
        )
