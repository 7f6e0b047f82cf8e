"""What is used of torch-geometric, imported without the warnings that its own import raises."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # torch-geometric 2.8 scripts some of its classes on import, which torch 2.13 calls deprecated.
    warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
    from torch_geometric.nn import GATv2Conv, MessagePassing

__all__ = ["GATv2Conv", "MessagePassing"]
