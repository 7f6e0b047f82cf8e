"""Compilation of a network with torch.compile, abandoned with one line where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from xec_geometry.support.text import first_line
from xec_train.config.sections import AUTO

OFF = "off"


def compile_mode(mode: str, device: torch.device) -> str | None:
    """Return the mode that ``training.compile`` means on a device; None: no compilation."""
    if mode == AUTO:
        mode = "default" if device.type == "cuda" else OFF
    return None if mode == OFF else mode


def compile_methods(
    network: nn.Module, names: Sequence[str], mode: str | None, warn: Callable[[str], None]
) -> None:
    """Compile methods of a network in place; its parameters, state and class are unchanged.

    Parameters
    ----------
    network
        The network.
    names
        The methods that training calls.
    mode
        Mode of `torch.compile`; None: no compilation.
    warn
        Called with the reason if compilation is abandoned.
    """
    if mode is None:
        return
    for name in names:
        # Beside the class, not as a wrapping module: a module would put its prefix before every parameter.
        object.__setattr__(network, name, _Compiled(network, name, mode, warn))


class _Compiled:
    """A function that is compiled when it is first called, and called uncompiled if that fails."""

    def __init__(self, network: nn.Module, name: str, mode: str, warn: Callable[[str], None]) -> None:
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._eager, self._warn, self._mode = getattr(network, name), warn, mode
        self._compiled: Callable[..., Any] | None = torch.compile(self._eager, mode=mode)
        self._rehearsed = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._compiled is not None:
            try:
                if torch.is_grad_enabled() and not self._rehearsed:
                    self._rehearse(self._compiled, arguments, options)
                return self._compiled(*arguments, **options)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:
                # An error that is not the compiler's happens again below.
                self._abandon(error)
        return self._eager(*arguments, **options)

    def _rehearse(self, compiled: Callable[..., Any], arguments: Any, options: Any) -> None:
        """Compute a gradient once and discard it: within a step it would be too late to fall back."""
        device = self._parameters[0].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            result = compiled(*arguments, **options)
            outputs = result.values() if isinstance(result, Mapping) else [result]
            total = torch.stack([output.float().square().sum() for output in outputs]).sum()
            torch.autograd.grad(total, self._parameters, allow_unused=True)
        self._rehearsed = True

    def _abandon(self, error: Exception) -> None:
        self._compiled = None
        reason = first_line(error)
        self._warn(
            f"torch.compile ({self._mode}) failed, the training continues without it "
            f"(training.compile=off avoids the attempt): {type(error).__name__}: {reason}"
        )
