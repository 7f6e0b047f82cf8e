"""The table of what can run a network: ONNX Runtime's execution providers, by the names that users give."""

from __future__ import annotations

from dataclasses import dataclass

from xec_export.errors import ExportError
from xec_geometry.support.registry import Registry

AUTO = "auto"
"""The first provider of the table that works and may be chosen unasked."""


@dataclass(frozen=True)
class Provider:
    """One way to run a network.

    Attributes
    ----------
    name
        Its name on the command line.
    execution_providers
        What ONNX Runtime calls it, and those that take over what it does not know, in this order.
    device
        What it runs on: ``cpu`` or ``cuda``; batches are large on ``cuda``.
    torch_device
        The device on which torch runs a checkpoint instead; empty if torch does not know it.
    unasked
        Whether ``auto`` may choose it.
    """

    name: str
    execution_providers: tuple[str, ...]
    device: str
    torch_device: str = ""
    unasked: bool = True

    @property
    def own(self) -> str:
        """ONNX Runtime's name of the provider itself."""
        return self.execution_providers[0]


_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

PROVIDERS: Registry[Provider] = Registry(
    "provider",
    (
        # TensorRT spends minutes on a network before the first event: only for those who ask for it.
        Provider("tensorrt", ("TensorrtExecutionProvider", _CUDA, _CPU), "cuda", unasked=False),
        Provider("cuda", (_CUDA, _CPU), "cuda", torch_device="cuda"),
        Provider("cpu", (_CPU,), "cpu", torch_device="cpu"),
    ),
    group="xec.providers",
    error=ExportError,
)
"""Every provider by its name, the fastest first."""


def provider_of(execution_provider: str) -> Provider:
    """Return the entry of an execution provider of ONNX Runtime."""
    return next(entry for entry in PROVIDERS.values() if entry.own == execution_provider)


def unavailable(name: str, there_are: list[str], reason: str) -> ExportError:
    """Build the error about a provider that cannot be used here."""
    return ExportError(
        f"--provider {name}: {reason}; expected one of those there are here: {', '.join([AUTO, *there_are])}"
    )
